import pytest


@pytest.fixture
def waits() -> list[float]:
    return []
