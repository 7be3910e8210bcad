import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import RECIPES, Recipe, load_recipe
from pgt_lora.data.directory import open_dataset
from pgt_lora.models.checkpoint import load_processor
from pgt_lora.models.encoding import Encoder
from pgt_lora.training import finetune as finetune_module
from pgt_lora.training.finetune import finetune
from pgt_lora.training.run_directory import claim, newest_checkpoint
from tests.support.discovered import FAMILIES
from tests.support.runs import weights

TINY = RECIPES / "tiny-qwen2.5-vl.yaml"


@pytest.fixture(scope="module")
def whole(base_dir: Path, data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    """The weights of the run that nothing happens to: eight steps, a checkpoint after every other."""
    words = ["--model_name_or_path", str(base_dir), "--per_device_train_batch_size", "4", "--global_batch_size", "8"]
    run = tmp_path_factory.mktemp("whole") / "run"
    finetune(load_recipe(TINY, [*words, "--save_steps", "2"]), data_dir, run)
    return weights(run)


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def call_after_step(monkeypatch: pytest.MonkeyPatch, step: int, call: Callable[[Any], None]) -> None:
    """Call a function with the trainer after a step, the first time that it is reached."""
    from transformers import TrainerCallback

    build = finetune_module.build_trainer
    waiting = [call]

    class Call(TrainerCallback):
        def __init__(self, trainer: Any) -> None:
            self.trainer = trainer

        def on_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step == step - 1 and waiting:
                waiting.pop()(self.trainer)

    def build_with_callback(*args: Any) -> Any:
        trainer = build(*args)
        trainer.add_callback(Call(trainer))
        return trainer

    monkeypatch.setattr(finetune_module, "build_trainer", build_with_callback)


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_signal_saves_and_the_run_resumes_to_the_same_weights(
    number: signal.Signals,
    recipe: Recipe, overrides: list[str], whole: dict[str, torch.Tensor], data_dir: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    run = tmp_path / "run"
    before = signal.getsignal(number)
    call_after_step(monkeypatch, 3, lambda trainer: os.kill(os.getpid(), number))
    with pytest.raises(SystemExit) as ended:
        finetune(recipe, data_dir, run)
    assert ended.value.code == 128 + number
    assert f"Stopped by {number.name} after step 3 of 8" in " ".join(capsys.readouterr().out.split())
    assert signal.getsignal(number) == before
    assert not (run / "adapter").exists()
    newest = newest_checkpoint(run / "checkpoints")
    assert newest.name == "checkpoint-3"
    state = json.loads((newest / "trainer_state.json").read_text())
    clock = state["stateful_callbacks"]["Clock"]["args"]
    assert clock["before"] > 0
    clock["before"] = 5000.0  # before it was interrupted
    (newest / "trainer_state.json").write_text(json.dumps(state))
    finetune(load_recipe(TINY, overrides), data_dir, run)
    assert 5000 < json.loads((run / "adapter" / "run.json").read_text())["seconds"] < 6000
    assert f"Resuming from {newest}" in capsys.readouterr().out
    assert same(weights(run), whole)


def test_a_run_that_was_trained_but_not_saved_trains_no_further(
    overrides: list[str], data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*words: Any) -> None:
        raise InputError("the disk is full")

    # It ends within an epoch, at a rate that would move weights on.
    words = [*overrides, "--max_steps", "6", "--lr_scheduler_type", "constant"]
    finetune(load_recipe(TINY, words), data_dir, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(finetune_module, "save", full)
        with pytest.raises(InputError, match="disk is full"):
            finetune(load_recipe(TINY, words), data_dir, tmp_path / "run")
    finetune(load_recipe(TINY, words), data_dir, tmp_path / "run")
    assert json.loads((tmp_path / "run" / "adapter" / "run.json").read_text())["steps"] == 6
    assert same(weights(tmp_path / "run"), weights(tmp_path / "whole"))


@pytest.mark.slow
def test_a_full_disk_leaves_the_last_good_checkpoint(
    recipe: Recipe, overrides: list[str], whole: dict[str, torch.Tensor], data_dir: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    claim(run, recipe, data_dir)
    full = run / "checkpoints" / "checkpoint-4" / "optimizer.pt"
    full.parent.mkdir(parents=True)
    full.symlink_to("/dev/full")
    with pytest.raises(InputError, match=rf"{run}: cannot be written to .* disk full.* resumes from checkpoint-2"):
        finetune(recipe, data_dir, run)
    full.unlink()
    full = run / "adapter.partial" / "recipe.yaml"
    full.parent.mkdir()
    full.symlink_to("/dev/full")
    with pytest.raises(InputError, match=rf"{run}: cannot be written to .* resumes from checkpoint-8"):
        finetune(load_recipe(TINY, overrides), data_dir, run)
    assert not (run / "adapter").exists()
    full.unlink()
    finetune(load_recipe(TINY, overrides), data_dir, run)
    assert same(weights(run), whole)


def spoil_one_sample(base_dir: Path, data_dir: Path, out: Path) -> str:
    """Write a base whose embedding of one token is not a number; return the one sample that has that token."""
    from transformers import Qwen2_5_VLForConditionalGeneration

    processor = load_processor(str(base_dir))
    encoder = Encoder(FAMILIES["qwen2_5_vl"], processor)
    seen: dict[int, list[str]] = {}
    for row in open_dataset(data_dir):
        for token in set(encoder.training_batch([row])["input_ids"][0].tolist()):
            seen.setdefault(token, []).append(row["id"])
    token = next(token for token, ids in sorted(seen.items()) if len(ids) == 1)
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(base_dir)
    model.config.tie_word_embeddings = model.config.text_config.tie_word_embeddings = False
    untied = Qwen2_5_VLForConditionalGeneration(model.config)  # tied, every logit would be spoilt
    untied.load_state_dict(model.state_dict())
    untied.get_input_embeddings().weight.data[token] = float("nan")
    untied.save_pretrained(out)
    processor.save_pretrained(out)
    return seen[token][0]


def test_a_loss_that_is_no_number_stops_with_the_step_and_the_samples(
    overrides: list[str], base_dir: Path, data_dir: Path, tmp_path: Path
) -> None:
    spoilt = spoil_one_sample(base_dir, data_dir, tmp_path / "base")
    words = [*overrides, "--model_name_or_path", str(tmp_path / "base"), "--save_steps", "1"]
    with pytest.raises(InputError, match=r"step \d: the loss is nan") as stopped:
        finetune(load_recipe(TINY, words), data_dir, tmp_path / "run")
    named = str(stopped.value).partition("samples: ")[2].split(", ")
    assert len(named) == 4  # the batch, not all of the step
    assert spoilt in named
    step = int(str(stopped.value).split()[1].rstrip(":"))
    last = newest_checkpoint(tmp_path / "run" / "checkpoints")
    assert (int(last.name.partition("-")[2]) if last else 0) == step - 1


def test_a_gradient_that_is_no_number_changes_no_weights(
    recipe: Recipe, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil_gradients(trainer: Any) -> None:
        first = next(p for p in trainer.model.parameters() if p.requires_grad)
        first.register_hook(lambda gradient: gradient * float("inf"))

    call_after_step(monkeypatch, 4, spoil_gradients)
    with pytest.raises(InputError, match=r"step 5: the loss is \d.*, its gradient's norm (nan|inf)") as stopped:
        finetune(recipe, data_dir, tmp_path / "run")
    named = str(stopped.value).partition("samples: ")[2].split(", ")
    assert len(set(named)) == 8
    assert set(named) <= set(open_dataset(data_dir)["id"])
    assert newest_checkpoint(tmp_path / "run" / "checkpoints").name == "checkpoint-4"


def test_an_exploding_loss_stops(overrides: list[str], data_dir: Path, tmp_path: Path) -> None:
    words = [*overrides, "--learning_rate", "1e3", "--warmup_steps", "0"]
    with pytest.raises(InputError, match=r"step \d: the loss is \d+.*Lower learning_rate"):
        finetune(load_recipe(TINY, words), data_dir, tmp_path / "run")
