"""The benchmark: this kit and TRL alone, by turns, on the same samples, each run in a process of its own."""

import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.table import Table
from torch.utils.flop_counter import FlopCounterMode

from pgt_lora.bench_run import CONTENDERS, Measured, stock_trainer
from pgt_lora.dataset import open_dataset
from pgt_lora.errors import InputError
from pgt_lora.features import compute
from pgt_lora.hardware import hardware
from pgt_lora.memory import Dimensions, dimensions
from pgt_lora.progress import console
from pgt_lora.recipe import Recipe
from pgt_lora.run import pgt_data, recipe_for

KIT = "pgt_lora"
# Largest relative difference of two losses that are to be the same: sums are taken in another order.
LOSS_TOLERANCE = {"float32": 1e-4, "bfloat16": 1e-2, "float16": 1e-2}


def bench(model: str, num_samples: int, repeats: int, overrides: Sequence[str]) -> None:
    """Check that all compute the same loss on one batch, then time them by turns and print each as a ratio.

    Raises:
        InputError: the losses differ, or a run failed.
    """
    recipe = recipe_for(model, overrides)
    data = pgt_data(recipe, "train", num_samples)
    peak = peak_flops(recipe)
    with tempfile.TemporaryDirectory() as directory:
        job, losses = check_losses(recipe, data, Path(directory))
        console.print(
            f"Loss on one identical batch: {', '.join(f'{name} {loss:.6f}' for name, loss in losses.items())}"
        )
        gc.collect()
        torch.cuda.empty_cache()  # the runs are to have the GPU to themselves
        found: dict[str, list[Measured]] = {name: [] for name in CONTENDERS}
        for number in range(repeats):
            for name in CONTENDERS:  # by turns, so that whatever slows the machine slows both
                console.print(f"Run {number + 1} of {repeats}: {name}")
                found[name].append(_run(name, recipe, data, Path(directory)))
    print_table(found, job, peak)
    console.print(
        f"{hardware()}; {num_samples:,} samples, {recipe.sft.num_train_epochs:g} epochs; "
        f"{', '.join(f'{name} {version(name)}' for name in ('torch', 'transformers', 'trl', 'peft'))}",
        soft_wrap=True,
    )


@dataclass(frozen=True)
class Job:
    """What the operations of a job follow from; `vision_flops` are those of the tower and projector for one image."""

    model: Dimensions
    vision_flops: float
    num_images: int

    def flops(self, run: Measured) -> float:
        """Return the operations that a run's job needs, however it is done.

        The vision tower sees every image once, forward. The language model's layers go forward and send the gradient
        of their inputs back (2 and 2 a weight and token): frozen weights have none of their own. Attention takes 4 a
        head's width for every pair of tokens, of which a causal mask leaves half, once forward and twice as much back.
        The head scores the supervised positions, forward and back. LoRA's own products are under 1% and left out.
        """
        model, length = self.model, run.tokens / run.images
        layers = 4 * model.num_in_layers * run.tokens
        attention = 6 * model.num_layers * model.attention * run.tokens * length
        head = 4 * model.vocabulary * model.hidden * run.supervised
        return layers + attention + head + self.vision_flops * self.num_images


def check_losses(recipe: Recipe, data: Path, directory: Path) -> tuple[Job, dict[str, float]]:
    """Return what the job is, and every contender's loss on one identical batch before the first step.

    Raises:
        InputError: they differ by more than the order of sums explains.
    """
    from pgt_lora.trainer import build_trainer

    rows = open_dataset(data)
    trainer, encoder = build_trainer(recipe, rows, directory)
    batch = encoder.training_batch([rows[index] for index in range(recipe.sft.per_device_train_batch_size)])
    losses = {}
    for name, each in ((KIT, trainer), ("trl", stock_trainer(recipe, data, directory))):
        with torch.no_grad(), each.compute_loss_context_manager():
            losses[name] = float(each.compute_loss(each.model, each._prepare_inputs(dict(batch))))
    tolerance = LOSS_TOLERANCE[str(recipe.model.dtype)] * max(losses.values())
    if max(losses.values()) - min(losses.values()) > tolerance:
        raise InputError(f"the losses on one identical batch differ, so times cannot be compared: {losses}")
    base: Any = trainer.model.get_base_model()  # type: ignore[union-attr, operator]
    with FlopCounterMode(display=False) as counter:
        compute(base, encoder.prompts([rows[0]]))
    return Job(dimensions(base), counter.get_total_flops(), len(rows)), losses


def _run(name: str, recipe: Recipe, data: Path, directory: Path) -> Measured:
    (directory / "recipe.yaml").write_text(recipe.dump(), encoding="utf-8")
    words = [name, str(directory / "recipe.yaml"), str(data), str(directory / "measured.json")]
    done = subprocess.run(
        [sys.executable, "-m", "pgt_lora.bench_run", *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise InputError(f"{name} failed:\n{done.stderr.strip()[-2000:]}")
    return Measured(**json.loads((directory / "measured.json").read_text(encoding="utf-8")))


def peak_flops(recipe: Recipe) -> float:
    """Return the rate, in operations a second, of a large product of matrices on this machine, in the recipe's type."""
    on_gpu = torch.cuda.is_available() and not recipe.sft.use_cpu
    side, device = (8192, "cuda") if on_gpu else (1024, "cpu")
    a = torch.randn(side, side, device=device, dtype=getattr(torch, str(recipe.model.dtype)))
    best = 0.0
    for _ in range(20):
        began = time.perf_counter()
        a @ a
        if on_gpu:
            torch.cuda.synchronize()
        best = max(best, 2 * side**3 / (time.perf_counter() - began))
    return best


def print_table(found: Mapping[str, Sequence[Measured]], job: Job, peak: float) -> None:
    """Print the medians of every contender, and the kit's ratio to TRL with the range over the repeats."""
    table = Table(title="Medians; the ratio of run to run in brackets")
    for column in ("", *found, f"{KIT} / trl"):
        table.add_column(column, justify="left" if not column else "right")
    for title, value, form in ROWS:
        values = {name: [value(run, job, peak) for run in runs] for name, runs in found.items()}
        ratios = [a / b for a, b in zip(values[KIT], values["trl"], strict=True) if b]
        ratio = f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})" if ratios else ""
        table.add_row(title, *(form.format(median(each)) for each in values.values()), ratio)
    console.print(table)


ROWS: tuple[tuple[str, Callable[[Measured, Job, float], float], str], ...] = (
    ("images/s, end to end", lambda run, job, peak: run.images / run.seconds, "{:,.1f}"),
    ("images/s, training alone", lambda run, job, peak: run.images / run.training, "{:,.1f}"),
    ("tokens/s", lambda run, job, peak: run.tokens / run.training, "{:,.0f}"),
    ("supervised tokens/s", lambda run, job, peak: run.supervised / run.training, "{:,.0f}"),
    ("padding, share of tokens", lambda run, job, peak: 1 - run.tokens / run.padded, "{:.1%}"),
    ("waiting for data, share of training", lambda run, job, peak: run.waiting / run.training, "{:.1%}"),
    ("peak memory, GB", lambda run, job, peak: run.peak_bytes / 1e9, "{:,.2f}"),
    ("utilisation, training alone", lambda run, job, peak: job.flops(run) / run.training / peak, "{:.1%}"),
)
