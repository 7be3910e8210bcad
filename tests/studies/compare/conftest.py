from pathlib import Path

import pytest

from pgt_lora.core.recipe import Recipe
from pgt_lora.data.generate import generate
from pgt_lora.models.names import resolve
from tests.support.comparisons import SMALL


@pytest.fixture(scope="module")
def second_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training dataset of 32 samples of one task."""
    directory = tmp_path_factory.mktemp("data") / "relations"
    generate(directory, num_samples=32, seed=2, settings=SMALL, weights={"relation": 1.0})
    return directory


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project directory of its own, so that the datasets made on the way end up there."""
    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def recipe(overrides: list[str]) -> Recipe:
    return resolve("tiny-qwen2.5-vl", overrides).recipe
