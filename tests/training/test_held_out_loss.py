"""The loss on a held-out set while training: what it is, and the stop where it falls no more."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback

from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.terminal import console
from pgt_lora.data.directory import open_dataset
from pgt_lora.data.generate import generate
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.evaluation.evaluate import load_for_evaluation
from pgt_lora.models.checkpoint import adapter_checkpoint
from pgt_lora.training import finetune as finetune_module
from pgt_lora.training.build import build_trainer, prepare
from pgt_lora.training.finetune import finetune
from pgt_lora.training.measured import measured
from pgt_lora.training.run_directory import newest_checkpoint
from tests.support.runs import equal
from tests.training.test_finetune import KILL_AT_STEP_5
from tests.training.test_robust import call_after_step

# A rate at which the held-out loss soon rises.
TOO_FAST = {
    "num_train_epochs": 8, "learning_rate": 0.3, "lr_scheduler_type": "constant", "max_grad_norm": 1.0,
    "eval_strategy": "steps", "eval_steps": 1, "early_stopping_patience": 2, "save_total_limit": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight held-out samples, under the ids of training samples."""
    directory = tmp_path_factory.mktemp("others") / "held-out"
    generate(directory, num_samples=8, seed=2, settings=TaskSettings(Canvas(112, 112)))
    return directory


def changed(recipe: Recipe, **values: Any) -> Recipe:
    return recipe.changed(**values)


def loss_on(run: Path, data: Path) -> float:
    """Compute the loss of a run's adapter on a whole dataset in one batch, without the trainer."""
    model, encoder = load_for_evaluation(adapter_checkpoint(run / "adapter"))
    with torch.no_grad():
        return float(model.eval()(**encoder.training_batch(list(open_dataset(data)))).loss)


def test_training_stops_where_the_held_out_loss_falls_no_more_and_ships_the_best(
    recipe: Recipe, data_dir: Path, others: Path, tmp_path: Path
) -> None:
    with console.capture() as captured:
        finetune(changed(recipe, **TOO_FAST), data_dir, tmp_path / "run", eval_data=others)
    record = json.loads((tmp_path / "run" / "adapter" / "run.json").read_text())
    held_out = record["held_out"]
    losses = [entry["eval_loss"] for entry in held_out["losses"]]
    best = losses.index(min(losses))
    assert best == len(losses) - 3  # two more were not lower
    assert len(losses) < 32
    assert held_out["best_step"] == held_out["losses"][best]["step"]
    assert held_out["path"] == str(others)
    assert f"lowest after step {held_out['best_step']}" in captured.get()
    assert loss_on(tmp_path / "run", others) == pytest.approx(min(losses), rel=1e-4)


@pytest.mark.slow
def test_a_held_out_set_that_is_looked_at_changes_nothing(
    recipe: Recipe, data_dir: Path, others: Path, tmp_path: Path
) -> None:
    finetune(recipe, data_dir, tmp_path / "alone", eval_data=others)  # the recipe does not ask for it
    assert "held_out" not in json.loads((tmp_path / "alone" / "adapter" / "run.json").read_text())
    asked = changed(recipe, eval_strategy="steps", eval_steps=3)
    finetune(asked, data_dir, tmp_path / "looked", eval_data=others)
    assert equal(tmp_path / "alone", tmp_path / "looked")
    record = json.loads((tmp_path / "looked" / "adapter" / "run.json").read_text())
    assert [entry["step"] for entry in record["held_out"]["losses"]] == [3, 6, 8]  # and at the end
    assert "best_step" not in record["held_out"]


@pytest.mark.parametrize(
    ("looks", "saves"),
    [
        ({"eval_strategy": "steps", "eval_steps": 7}, [3, 6, 7, 8]),
        pytest.param({"eval_strategy": "epoch"}, [3, 4, 6, 8], marks=pytest.mark.slow),
    ],
)
def test_a_run_that_may_stop_early_also_saves_where_the_recipe_says(
    looks: dict[str, Any], saves: list[int], recipe: Recipe, data_dir: Path, others: Path, tmp_path: Path
) -> None:
    steps: list[int] = []

    class Saves(TrainerCallback):
        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            steps.append(state.global_step)

    patient = changed(recipe, **looks, early_stopping_patience=9, save_steps=3)
    finetune(patient, data_dir, tmp_path / "run", eval_data=others, callbacks=[Saves()])
    assert steps == saves


def test_the_loss_is_the_mean_over_tokens_however_they_are_batched(
    recipe: Recipe, data_dir: Path, held_out_dir: Path, tmp_path: Path
) -> None:
    some = open_dataset(held_out_dir).select(range(50))
    prepared = prepare(recipe, measured(recipe, open_dataset(data_dir)), measured(recipe, some))
    trainer = build_trainer(recipe, tmp_path, prepared)
    losses = []
    for size in (1, 7, 50):
        trainer.args.per_device_eval_batch_size = size
        losses.append(trainer.evaluate()["eval_loss"])
    assert losses[1:] == pytest.approx([losses[0]] * 2, abs=1e-5)


def test_what_cannot_be_looked_at_is_told(recipe: Recipe, data_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="pass --eval-data"):
        finetune(changed(recipe, eval_strategy="epoch"), data_dir, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(InputError, match="early_stopping_patience needs eval_strategy"):
        changed(recipe, early_stopping_patience=2)


@pytest.mark.slow
def test_a_run_that_stopped_early_but_was_not_saved_ends_as_it_would_have(
    recipe: Recipe, data_dir: Path, others: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*words: Any) -> None:
        raise InputError("the disk is full")

    finetune(changed(recipe, **TOO_FAST), data_dir, tmp_path / "whole", eval_data=others)
    with monkeypatch.context() as patch:
        patch.setattr(finetune_module, "save", full)
        with pytest.raises(InputError, match="disk is full"):
            finetune(changed(recipe, **TOO_FAST), data_dir, tmp_path / "run", eval_data=others)
    finetune(changed(recipe, **TOO_FAST), data_dir, tmp_path / "run", eval_data=others)
    whole, run = (json.loads((tmp_path / name / "adapter" / "run.json").read_text()) for name in ("whole", "run"))
    assert (run["held_out"], run["steps"]) == (whole["held_out"], whole["steps"])
    assert equal(tmp_path / "whole", tmp_path / "run")


@pytest.mark.parametrize("limit", [2, 1])
def test_a_stop_within_an_epoch_is_no_evaluation_and_its_checkpoint_stays(
    limit: int, recipe: Recipe, data_dir: Path, others: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = changed(recipe, **TOO_FAST | {"eval_strategy": "epoch", "save_total_limit": limit})
    with monkeypatch.context() as patch:
        call_after_step(patch, 6, lambda trainer: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(SystemExit):
            finetune(patient, data_dir, tmp_path / "run", eval_data=others)
    newest = newest_checkpoint(tmp_path / "run" / "checkpoints")
    assert newest.name == "checkpoint-6"
    log = json.loads((newest / "trainer_state.json").read_text())["log_history"]
    assert [entry["step"] for entry in log if "eval_loss" in entry] == [4]


@pytest.mark.slow
def test_a_killed_run_still_stops_where_a_whole_one_does(
    recipe: Recipe, data_dir: Path, others: Path, tmp_path: Path
) -> None:
    whole = changed(recipe, **TOO_FAST)
    finetune(whole, data_dir, tmp_path / "whole", eval_data=others)
    told = json.loads((tmp_path / "whole" / "adapter" / "run.json").read_text())
    # Behind the first evaluation that was not lower: what has been waited for must outlive the process.
    steps = [entry["step"] for entry in told["held_out"]["losses"]]
    after = steps[steps.index(told["held_out"]["best_step"]) + 1] + 1
    (tmp_path / "recipe.yaml").write_text(whole.dump())
    (tmp_path / "script.py").write_text(KILL_AT_STEP_5.replace("== 5", f"== {after}"))
    words = ["--data", str(data_dir), "--eval-data", str(others), "--out", str(tmp_path / "killed")]
    command = [sys.executable, str(tmp_path / "script.py"), "finetune", str(tmp_path / "recipe.yaml"), *words]
    ended = subprocess.run(command, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    finetune(whole, data_dir, tmp_path / "killed", eval_data=others)
    resumed = json.loads((tmp_path / "killed" / "adapter" / "run.json").read_text())
    assert resumed["held_out"] == told["held_out"]
    assert equal(tmp_path / "whole", tmp_path / "killed")
