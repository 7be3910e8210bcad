"""TensorBoard while a run trains: images and answers are there, and training is what it is without them."""

from pathlib import Path

import pytest

from pgt_lora.models.names import resolve
from pgt_lora.studies.before_after import live
from pgt_lora.training.finetune import finetune
from tests.support.runs import equal


@pytest.mark.slow
def test_answers_at_each_evaluation(overrides: list[str], data_dir: Path, tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    words = [*overrides, "--max_steps", "4", "--eval_strategy", "steps", "--eval_steps", "2", "--learning_rate", "0.02"]
    recipe = resolve("tiny-qwen2.5-vl", [*words, "--report_to", "tensorboard"]).recipe
    shown, alone = tmp_path / "shown", tmp_path / "alone"
    # A dataset of its own is not needed: what is asked here is whether it is shown.
    finetune(recipe, data_dir, shown, eval_data=data_dir, callbacks=live.live_view(recipe, data_dir, shown))
    finetune(resolve("tiny-qwen2.5-vl", words).recipe, data_dir, alone, eval_data=data_dir)
    assert equal(shown, alone)
    images: set[str] = set()
    texts: dict[str, list[int]] = {}
    for file in (shown / "tensorboard").glob("events*"):
        events = accumulator.EventAccumulator(str(file)).Reload()
        images |= set(events.Tags()["images"])
        texts |= {tag: [each.step for each in events.Tensors(tag)] for tag in events.Tags()["tensors"]}
    told = {tag: steps for tag, steps in texts.items() if tag.startswith("held out ")}
    assert len(told) == len(images) == live.NUM_SHOWN
    assert set(map(tuple, told.values())) == {(2, 4)}


def test_nothing_is_shown_unasked(overrides: list[str], data_dir: Path, tmp_path: Path) -> None:
    assert live.live_view(resolve("tiny-qwen2.5-vl", overrides).recipe, data_dir, tmp_path) == []
    recipe = resolve("tiny-qwen2.5-vl", [*overrides, "--report_to", "tensorboard"]).recipe
    assert live.live_view(recipe, data_dir, tmp_path) == []
