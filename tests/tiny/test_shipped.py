"""The small models that ship with the project."""

import json
from pathlib import Path

import pytest
from datasets import Dataset

from pgt_lora.core.recipe import recipe_names
from pgt_lora.core.workspace import SHIPPED
from pgt_lora.evaluation.evaluate import load_for_evaluation, predict
from pgt_lora.evaluation.generation import Generation
from pgt_lora.tiny.__main__ import MODELS
from pgt_lora.tiny.skills import SKILLS, skill_samples
from tests.support.checkpoints import checkpoint

ARCHITECTURES = (
    "InternVLForConditionalGeneration", "LlavaNextForConditionalGeneration", "Qwen2_5_VLForConditionalGeneration",
)  # fmt: skip
MODELS_THERE = sorted((SHIPPED / "data").glob("tiny-*"))


def test_there_is_a_recipe_for_every_shipped_model() -> None:
    assert (
        {path.name for path in MODELS_THERE}
        == {name for name in recipe_names() if name.startswith("tiny-")}
        == set(MODELS)
    )


@pytest.mark.parametrize("shipped", MODELS_THERE, ids=lambda path: path.name)
def test_a_shipped_model_is_small_real_and_sees(shipped: Path) -> None:
    assert sum(path.stat().st_size for path in shipped.iterdir()) < 7_500_000
    assert (shipped / "model.safetensors").stat().st_size <= 7_000_000
    (name,) = json.loads((shipped / "config.json").read_text())["architectures"]
    assert name in ARCHITECTURES
    model, encoder = load_for_evaluation(checkpoint(shipped))
    rows = Dataset.from_list([sample.to_row() for sample in skill_samples(10 * len(SKILLS), seed=1)])
    predictions = predict(model, encoder, rows, Generation(batch_size=40))
    assert sum(prediction["correct"] for prediction in predictions) > 0.8 * len(rows)
