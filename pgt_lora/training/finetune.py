"""Fine-tuning: TRL's SFTTrainer with PEFT LoRA, from a recipe and a dataset directory to an adapter directory."""

import signal
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import broadcast_object_list
from transformers import TrainerCallback

from pgt_lora.core.batches import StepShape
from pgt_lora.core.errors import InputError
from pgt_lora.core.machine import free_gpu
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.terminal import console
from pgt_lora.data.checked_images import write_record
from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.data.stream import open_stream
from pgt_lora.models.encoding import Encoder
from pgt_lora.models.placement import check_placement
from pgt_lora.training.adapter import save
from pgt_lora.training.auto_batch import card_here, check_batch
from pgt_lora.training.build import build_trainer, prepare, shape_here
from pgt_lora.training.callbacks import Clock, Stop, progress_bar, seconds_before, stop_on
from pgt_lora.training.held_out_loss import best_step, held_out_losses, held_out_set
from pgt_lora.training.measured import measured
from pgt_lora.training.processes import launch, leave, quieten_others, together
from pgt_lora.training.run_directory import claim, newest_checkpoint
from pgt_lora.training.scoring import Score, as_loaded
from pgt_lora.training.trainer import Trainer


def finetune(
    recipe: Recipe, data: Path, out: Path, overwrite: bool = False, eval_data: Path | None = None,
    score: Score | None = None, callbacks: Sequence[TrainerCallback] = (),
) -> Path:  # fmt: skip
    """Fine-tune as the recipe says and return the adapter directory, `out/adapter`.

    `eval_data` is the held-out set whose loss is computed while training, where the recipe asks for that. `score` is
    called with the base before training and with the fine-tuned model after it; it is not to be given where the model
    `loads_otherwise`. `callbacks` are called between the steps, where one process trains.

    Where several GPUs are visible, a process is started for each. An interrupted run in `out` is resumed where the
    recipe and the data are the same.

    Raises:
        InputError: the run is finished or another one's, or the recipe, the data or the model cannot be used.
        SystemExit: the run was stopped by SIGTERM or Ctrl-C, with a checkpoint.
    """
    if recipe.sft.n_gpu > 1:  # several GPUs and one process, which TRL refuses
        check_step(recipe, data)
        launch(recipe, data, out, overwrite, recipe.sft.n_gpu, eval_data)
        return out / "adapter"
    quieten_others()
    with together():
        eval_data = held_out_set(recipe, eval_data)
        shape, manifest = check_step(recipe, data), read_manifest(data)  # which other rows may replace while it trains
        rows = open_stream(data) if recipe.kit.streaming else open_dataset(data)
        training = measured(recipe, rows, data)
        held_out = measured(recipe, open_dataset(eval_data), eval_data) if eval_data else None
    if recipe.sft.world_size > 1 and recipe.sft.should_save:
        for path in filter(None, (None if recipe.kit.streaming else data, eval_data)):
            write_record(path)  # each process has decoded its part
    tell_step(recipe, shape, rows)
    key, resume = begin(recipe, data, out, eval_data, overwrite)
    free_gpu()  # of the base that this process may have scored
    with together():
        prepared = prepare(recipe, training, held_out)
    if torch.cuda.is_available() and not recipe.sft.use_cpu and training.lengths:
        check_batch(recipe, shape.batch_size, prepared.model, training.lengths, card_here(recipe)[0])
    if score:
        score(prepared.model, None)
    # Ctrl-C reaches several processes twice, from the terminal and from their launcher.
    signals = (signal.SIGTERM, signal.SIGINT) if recipe.sft.world_size == 1 else (signal.SIGTERM,)
    with progress_bar() as bar, stop_on(*signals) as stop:
        with together():
            clock = Clock(seconds_before(resume) if resume else 0.0)
            trainer = build_trainer(recipe, out, prepared, (bar, clock, stop, *callbacks), resume)
            audited = audit(trainer, prepared.training.encoder, prepared.modules)
        train(trainer, stop, resume)
    facts = key | audited | {"data": manifest, "seconds": round(clock.seconds, 1)}
    if eval_data:
        facts |= {"held_out": held_out_losses(trainer, eval_data)}
    save(trainer, recipe, facts, out)
    if score:
        score(as_loaded(trainer), out / "adapter")
    return out / "adapter"


def tell_step(recipe: Recipe, shape: StepShape, rows: Any) -> None:
    """Print how a step is dealt out, and how many samples an epoch drops."""
    processes = f"{shape.num_processes} process{'es' if shape.num_processes > 1 else ''}"
    console.print(
        f"A step: {shape.num_samples} samples, {shape.batch_size} at a time × {shape.accumulation} × {processes}"
    )
    if not recipe.kit.streaming and (left := len(rows) % shape.num_samples):
        is_sequential = recipe.sft.train_sampling_strategy == "sequential"
        which = "the last of the data" if is_sequential else "different ones each time"
        console.print(
            f"{len(rows):,} is not a multiple of {shape.num_samples}, so each epoch drops {left} samples, {which}"
        )


def begin(
    recipe: Recipe, data: Path, out: Path, eval_data: Path | None, overwrite: bool
) -> tuple[dict[str, Any], Path | None]:
    """Make `out` this run's; return what it records of itself, and the checkpoint that it goes on from, if any.

    Raises:
        InputError: it is another run's, or holds a finished one.
    """
    key: dict[str, Any] = {}
    resume: list[Path | None] = [None]
    with together():
        if recipe.sft.should_save:
            key = claim(out, recipe, data, eval_data, overwrite)
            if (out / "adapter").exists():
                raise InputError(f"{out}: holds a finished run; choose another --out or pass --overwrite")
            resume = [newest_checkpoint(out / "checkpoints")]
    broadcast_object_list(resume)
    return key, resume[0]


def train(trainer: Trainer, stop: Stop, resume: Path | None) -> None:
    """Train, from a checkpoint where there is one.

    Raises:
        InputError: a step or a row cannot be trained on.
        SystemExit: a signal came; training was saved after the step and stopped.
    """
    if resume:
        console.print(f"Resuming from {resume}", soft_wrap=True)
    try:
        trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    except InputError as error:  # of a process that loads data, it holds the whole traceback
        raise InputError(str(error).rpartition(f"{InputError.__name__}: ")[2].strip()) from error
    state = trainer.state
    if stop.stopped and state.global_step < state.max_steps:
        console.print(
            f"Stopped by {stop.signal.name} after step {state.global_step} of {state.max_steps}, and saved it in "
            f"{trainer.args.output_dir}; the same command resumes from there",
            soft_wrap=True,
        )
        leave()
        raise SystemExit(128 + stop.signal)
    if trainer.args.load_best_model_at_end:
        best = best_step(trainer)
        console.print(
            f"The held-out loss was lowest after step {best}: {state.best_metric:.4f}"
            if best
            else "The held-out loss was never computed, or no number: the last weights are kept"
        )


def audit(trainer: Trainer, encoder: Encoder, modules: Sequence[str]) -> dict[str, Any]:
    """Print and check where LoRA sits, and print how many tokens are supervised; return both for the record.

    Raises:
        InputError: LoRA sits elsewhere.
    """
    model: Any = trainer.model
    placement = check_placement(model, encoder.family, modules)
    console.print(str(placement))
    supervised = [each.supervised for each in trainer.lengths]
    if not supervised:
        console.print("Rows are read as they are needed, in their order; how long they are is seen then")
        return {"placement": asdict(placement)}
    console.print(
        f"{sum(supervised):,} supervised tokens in {len(supervised):,} samples "
        f"({min(supervised)} to {max(supervised)} each)"
    )
    return {"placement": asdict(placement), "supervised_tokens": sum(supervised)}


def check_step(recipe: Recipe, data: Path) -> StepShape:
    """Return how a step is dealt out on this machine.

    Raises:
        InputError: it cannot be, or there are no samples for one.
    """
    shape, num_samples = shape_here(recipe), read_manifest(data)["num_samples"]
    if num_samples < shape.num_samples:
        raise InputError(
            f"{data}: {num_samples} samples, fewer than global_batch_size {shape.num_samples}; pass a smaller one"
        )
    return shape
