import pytest

from pgt_lora.core.recipe import RECIPES, Recipe, load_recipe


@pytest.fixture
def recipe(overrides: list[str]) -> Recipe:
    """The shipped CPU recipe, a matter of seconds."""
    return load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", overrides)
