from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import RECIPES, find_recipe, load_recipe, recipe_names
from pgt_lora.core.recipe_values import parse_overrides
from pgt_lora.models.names import resolve
from tests.support.discovered import FAMILIES

NAMES = recipe_names()


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def minimal(tmp_path: Path) -> Path:
    return write(tmp_path / "mine.yaml", "model_name_or_path: some/model\nmodel_family: qwen2_5_vl\nuse_cpu: true\n")


def test_there_are_recipes() -> None:
    assert "tiny-qwen2.5-vl" in NAMES


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("-position")])
def test_the_recipes_of_absolute_position_say_its_papers_values(name: str) -> None:
    recipe = load_recipe(RECIPES / f"{name}.yaml", ["--use_cpu", "true", "--bf16", "false"])
    assert (recipe.model.lora_r, recipe.model.lora_alpha) == (32, 64)
    assert (recipe.sft.num_train_epochs, recipe.kit.early_stopping_patience) == (10, 2)
    assert (recipe.sft.eval_strategy, recipe.sft.learning_rate) == ("epoch", pytest.approx(1e-4))
    assert (recipe.kit.tasks, recipe.kit.canvas, recipe.kit.num_samples) == ("absolute_position", "672", 1296)
    plain = load_recipe(RECIPES / f"{name.removesuffix('-position')}.yaml", ["--use_cpu", "true", "--bf16", "false"])
    assert recipe.base == plain.base
    # What is named by its Hub id gets the recipe of PGT.
    assert resolve(recipe.base, ["--use_cpu", "true", "--bf16", "false"]).recipe.kit.num_samples == 5000


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith("-position")])
def test_every_recipe_loads_and_says_the_papers_values(name: str) -> None:
    # On a machine without a GPU, a recipe for one is checked on the CPU.
    recipe = load_recipe(RECIPES / f"{name}.yaml", ["--use_cpu", "true", "--bf16", "false"])
    assert (recipe.model.lora_r, recipe.model.lora_alpha, recipe.model.lora_dropout) == (8, 32, 0.0)
    assert (recipe.sft.num_train_epochs, recipe.sft.max_grad_norm) == (2, 2.0)
    assert (recipe.sft.lr_scheduler_type, recipe.sft.warmup_steps) == ("cosine", 0.1)
    assert recipe.sft.max_length is None
    assert recipe.kit.model_family in FAMILIES
    if not name.startswith("tiny-"):
        assert recipe.sft.learning_rate == pytest.approx(1e-4)
        assert recipe.kit.global_batch_size == 64
        assert recipe.kit.num_samples == 5000


def test_overrides_win_over_the_file(minimal: Path) -> None:
    recipe = load_recipe(minimal, ["--learning_rate", "3e-4", "--lora-r=16", "--packing", "false"])
    assert recipe.sft.learning_rate == pytest.approx(3e-4)
    assert recipe.model.lora_r == 16
    assert recipe.sft.packing is False


def test_null_is_none(minimal: Path) -> None:
    assert load_recipe(minimal).sft.seed == 42  # TRL's default
    assert load_recipe(minimal, ["--data_seed", "7"]).sft.data_seed == 7
    assert load_recipe(minimal, ["--data_seed", "null"]).sft.data_seed is None


def test_nothing_is_cut_off_by_default(minimal: Path) -> None:
    assert load_recipe(minimal).sft.max_length is None


def test_dump_reads_back(minimal: Path, tmp_path: Path) -> None:
    recipe = load_recipe(minimal, ["--lora_r", "4"])
    again = load_recipe(write(tmp_path / "again.yaml", recipe.dump()))
    assert again.values == recipe.values


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("lora_rank: 8", "unknown key 'lora_rank'; did you mean"),
        ("lora_r: eight", "lora_r: invalid int value: 'eight'"),
        ("bf16: perhaps", "bf16"),
        ("lr_scheduler_type: sine", "sine"),
        ("output_dir: here", "output_dir cannot be set: pass --out"),
        ("gradient_accumulation_steps: 2", "gradient_accumulation_steps cannot be set"),
        ("packing: true", "packing must be false or left out: TRL packs no images"),
        ("use_dora: true", "use_dora must be false or left out: a merged model is verified"),
        ("load_in_8bit: true", "load_in_4bit"),
    ],
)
def test_a_bad_line_is_refused_with_path_and_remedy(minimal: Path, line: str, says: str) -> None:
    write(minimal, minimal.read_text() + line + "\n")
    with pytest.raises(InputError) as caught:
        load_recipe(minimal)
    assert str(caught.value).startswith(str(minimal))
    assert says in str(caught.value)


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [\n", "1: 2\n"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"bad\.yaml"):
        load_recipe(write(tmp_path / "bad.yaml", text))


def test_words_that_are_no_overrides_are_refused() -> None:
    with pytest.raises(InputError, match="'oops'"):
        parse_overrides(["--lora_r", "8", "oops"])


def test_a_misspelt_model_names_the_recipe_that_was_meant() -> None:
    with pytest.raises(InputError, match=r"did you mean .*tiny-qwen2\.5-vl"):
        resolve("tiny-qwen2.5-v")


def test_a_recipe_is_found_by_name_and_by_path(minimal: Path) -> None:
    assert find_recipe("tiny-qwen2.5-vl") == RECIPES / "tiny-qwen2.5-vl.yaml"
    assert find_recipe(str(minimal)) == minimal
    assert find_recipe("nothing") is None
