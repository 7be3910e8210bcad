"""The model that is trained is scored as the one that evaluation loads, and scoring leaves no trace in training."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pgt_lora.core.recipe import RECIPES, load_recipe
from pgt_lora.evaluation.evaluate import evaluate_sets
from pgt_lora.models.checkpoint import adapter_checkpoint
from pgt_lora.models.names import base_of
from pgt_lora.training.finetune import finetune
from pgt_lora.training.scoring import loads_otherwise
from tests.support.discovered import CASE_NAMES, CASES
from tests.support.runs import weights

TINY = RECIPES / "tiny-qwen2.5-vl.yaml"
WRITTEN = ("base/pgt/predictions.jsonl", "base/pgt/scores.json", "tuned/pgt/predictions.jsonl", "tuned/pgt/scores.json")


def scored_twice(words: Sequence[str], data: Path, out: Path) -> dict[str, Any]:
    """Train and score with one model, and score once more with models that are loaded; return what was written."""
    recipe = load_recipe(TINY, words)
    run = out / "run"

    def score(model: Any, adapter: Path | None) -> None:
        checkpoint = adapter_checkpoint(adapter) if adapter else base_of(recipe)
        stage = "tuned" if adapter else "base"
        evaluate_sets(recipe, checkpoint, {"pgt": data}, out / "lent" / stage, model)

    assert loads_otherwise(recipe) is None
    finetune(recipe, data, run, score=score)
    for stage, checkpoint in (("base", base_of(recipe)), ("tuned", adapter_checkpoint(run / "adapter"))):
        evaluate_sets(recipe, checkpoint, {"pgt": data}, out / "loaded" / stage)
    return {name: [(out / how / name).read_bytes() for how in ("lent", "loaded")] for name in WRITTEN}


def words_for(base: Path, family: str = "qwen2_5_vl") -> list[str]:
    return [
        "--model_name_or_path", str(base), "--model_family", family, "--per_device_train_batch_size", "4",
        "--global_batch_size", "8", "--max_steps", "3", "--learning_rate", "0.05", "--per_device_eval_batch_size", "8",
        "--lora_dropout", "0.1", "--max_new_tokens", "6",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "form"),
    [pytest.param(*case, marks=() if case[0] == "qwen2_5_vl" else pytest.mark.slow) for case in CASES],
    ids=CASE_NAMES,
)
def test_what_is_written_is_the_same_byte_for_byte(
    name: str, form: str | None, checkpoint_of: Callable[..., Path], data_dir: Path, tmp_path: Path
) -> None:
    words = words_for(checkpoint_of(name, form), name)
    written = scored_twice(words, data_dir, tmp_path)
    assert all(lent == loaded for lent, loaded in written.values())
    assert written[WRITTEN[0]][0] != written[WRITTEN[2]][0]  # training changed the answers
    finetune(load_recipe(TINY, words), data_dir, tmp_path / "alone")
    alone, lent = weights(tmp_path / "alone"), weights(tmp_path / "run")
    assert all(alone[key].equal(lent[key]) for key in alone.keys() | lent.keys())


@pytest.mark.parametrize(
    "more",
    [
        pytest.param("--gradient_checkpointing true", marks=pytest.mark.slow),
        "--dtype bfloat16 --bf16 true --cast_lora_inputs false",
        pytest.param("--dtype float32 --bf16 true --feature_cache_gb 0", marks=pytest.mark.slow),
    ],
)
def test_what_training_switches_on_is_off_again(more: str, base_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    written = scored_twice([*words_for(base_dir), *more.split()], data_dir, tmp_path)
    assert all(lent == loaded for lent, loaded in written.values())


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("--load_in_4bit true", "4 bits"),
        ("--compile_layers true", "compiled"),
        ("--attn_implementation eager", "another attention"),
        ("""--model_init_kwargs {"low_cpu_mem_usage":true}""", "model_init_kwargs"),
    ],
)
def test_a_model_that_computes_otherwise_is_not_lent(more: str, reason: str, base_dir: Path) -> None:
    assert reason in str(loads_otherwise(load_recipe(TINY, [*words_for(base_dir), *more.split()])))


def test_nor_is_one_that_lies_on_several_processes(base_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = load_recipe(TINY, words_for(base_dir))
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    assert "spread over processes" in str(loads_otherwise(recipe))
    monkeypatch.undo()
    recipe.sft._n_gpu = 2
    assert "several processes" in str(loads_otherwise(recipe))
