"""The benchmark: losses first, then runs by turns, then a table."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import yaml
from torch.utils.flop_counter import FlopCounterMode

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import read_json
from pgt_lora.core.machine import free_gpu, hardware
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.terminal import console
from pgt_lora.core.workspace import PACKAGE
from pgt_lora.data.directory import open_dataset
from pgt_lora.data.pgt import pgt_data
from pgt_lora.export.llama_factory import llama_factory_recipe
from pgt_lora.export.other_trainers import export_dataset
from pgt_lora.models.feature_cache import compute
from pgt_lora.studies.speed.contenders import HERE, KIT, LLAMA_FACTORY, TRL, stock_trainer
from pgt_lora.studies.speed.generation import generation_seconds
from pgt_lora.studies.speed.job import Job, peak_flops
from pgt_lora.studies.speed.measure import Measured
from pgt_lora.studies.speed.random_weights import write_random
from pgt_lora.studies.speed.table import print_table, ratio
from pgt_lora.training.build import build_trainer, prepare
from pgt_lora.training.dry_run.memory import dimensions
from pgt_lora.training.hooked_trainer import prepared
from pgt_lora.training.measured import measured

# Largest relative difference of two losses that are to be the same: sums are taken in another order.
LOSS_TOLERANCE = {"float32": 1e-4, "bfloat16": 1e-2, "float16": 1e-2}
NUM_DRAWN = 200  # samples, to time their making


@dataclass(frozen=True)
class Work:
    """What is trained on what, where; `python` is that of LLaMA-Factory's environment, if there is one."""

    recipe: Recipe
    data: Path
    directory: Path
    python: Path | None

    @property
    def contenders(self) -> list[str]:
        """The names of all who take part."""
        return [*HERE, *([LLAMA_FACTORY] if self.python else [])]


def bench(
    recipe: Recipe, num_samples: int, repeats: int, random_weights: bool = False, python: Path | None = None
) -> None:
    """Check that all compute the same loss on one batch, then time them by turns and print each as a ratio.

    Raises:
        InputError: the losses differ, a run failed, or several GPUs are visible.
    """
    if recipe.sft.n_gpu > 1:
        raise InputError("the benchmark times one GPU: make one visible (GPUS=1, or CUDA_VISIBLE_DEVICES=0)")
    data = pgt_data(recipe, "train", num_samples)
    dtype = getattr(torch, str(recipe.model.dtype))
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        if random_weights:
            base = write_random(recipe.base, dtype, directory / "base")
            recipe = recipe.changed(model_name_or_path=str(base))
        peak = peak_flops(dtype, torch.cuda.is_available() and not recipe.sft.use_cpu)
        work = Work(recipe, data, directory, python)
        export(work)
        job, losses = check_losses(work)
        console.print(
            f"Loss on one identical batch: {', '.join(f'{name} {loss:.6f}' for name, loss in losses.items())}"
        )
        free_gpu()  # the runs are to have the GPU to themselves
        found: dict[str, list[Measured]] = {name: [] for name in work.contenders}
        for number in range(repeats):
            for name in work.contenders:  # by turns, so that whatever slows the machine slows all
                console.print(f"Run {number + 1} of {repeats}: {name}")
                found[name].append(time_run(name, work))
    print_table(found, job, peak)
    print_generation(recipe, repeats)
    console.print(
        f"{hardware(bool(recipe.sft.use_cpu))}; {num_samples:,} samples, {recipe.sft.num_train_epochs:g} epochs; "
        f"{', '.join(f'{name} {version(name)}' for name in ('torch', 'transformers', 'trl', 'peft'))}",
        soft_wrap=True,
    )


def export(work: Work) -> None:
    """Write the recipe for the runs, and recipe and dataset as LLaMA-Factory reads them where it takes part."""
    (work.directory / "recipe.yaml").write_text(work.recipe.dump(), encoding="utf-8")
    if work.python:
        export_dataset(work.data, work.directory / "exported", "sharegpt")
        spelled = yaml.safe_load(llama_factory_recipe(work.recipe, str(work.directory / "exported"), "unused"))
        sft = work.recipe.sft
        # As for TRL alone, no checkpoints; and the device of the recipe.
        spelled |= {"save_strategy": "no", "use_cpu": bool(sft.use_cpu), "max_steps": sft.max_steps}
        (work.directory / "llamafactory.yaml").write_text(yaml.safe_dump(spelled), encoding="utf-8")


def check_losses(work: Work) -> tuple[Job, dict[str, float]]:
    """Return what the job is, and every contender's loss on one identical batch before the first step.

    Raises:
        InputError: they differ by more than the order of sums explains.
    """
    recipe, rows = work.recipe, open_dataset(work.data)
    ready = prepare(recipe, measured(recipe, rows))
    encoder = ready.training.encoder
    trainer = build_trainer(recipe, work.directory, ready)
    batch = encoder.training_batch([rows[index] for index in range(recipe.sft.per_device_train_batch_size)])
    losses = {}
    for name, each in ((KIT, trainer), (TRL, stock_trainer(recipe, work.data, work.directory))):
        with torch.no_grad(), each.compute_loss_context_manager():
            losses[name] = float(each.compute_loss(each.model, prepared(each, batch)))
    if work.python:
        torch.save(batch, work.directory / "batch.pt")
        losses[LLAMA_FACTORY] = llama_factory("loss", work, work.directory / "batch.pt")
    if max(losses.values()) - min(losses.values()) > LOSS_TOLERANCE[str(recipe.model.dtype)] * max(losses.values()):
        raise InputError(f"the losses on one identical batch differ, so times cannot be compared: {losses}")
    base: Any = trainer.model.get_base_model()  # type: ignore[union-attr, operator]
    with FlopCounterMode(display=False) as counter:
        compute(base, encoder.prompts([rows[0]]))
    return Job(dimensions(base), counter.get_total_flops(), len(rows)), losses


def time_run(name: str, work: Work) -> Measured:
    """Run a contender once, in a process of its own."""
    if name == LLAMA_FACTORY:
        return Measured(**llama_factory("time", work, work.directory / "exported"))
    words = [name, str(work.directory / "recipe.yaml"), str(work.data)]
    return Measured(**run_module(sys.executable, "contenders", words, work.directory))


def llama_factory(what: str, work: Work, read: Path) -> Any:
    """Return what LLaMA-Factory, in its own environment, makes of a batch or an exported dataset."""
    words = [what, str(work.directory / "llamafactory.yaml"), str(read)]
    return run_module(str(work.python), "llama_factory", words, work.directory)


def run_module(python: str, module: str, words: Sequence[str], directory: Path) -> Any:
    """Run a module of this package by a Python and return what it wrote as JSON.

    Raises:
        InputError: it failed.
    """
    out = directory / "out.json"
    # No cache of tokenized datasets of earlier runs; and this package, alone, where it is not installed.
    (directory / "kit").mkdir(exist_ok=True)
    if not (directory / "kit" / PACKAGE.name).exists():
        (directory / "kit" / PACKAGE.name).symlink_to(PACKAGE, target_is_directory=True)
    paths: Mapping[str, str] = {
        "HF_DATASETS_CACHE": str(directory / "datasets"), "PYTHONPATH": str(directory / "kit"),
    }  # fmt: skip
    done = subprocess.run(
        [python, "-m", f"pgt_lora.studies.speed.{module}", *words, str(out)],
        capture_output=True, text=True, check=False, env={**os.environ, **paths},
    )  # fmt: skip
    if done.returncode:
        raise InputError(f"{' '.join([module, *words])} failed:\n{done.stderr.strip()[-2000:]}")
    return read_json(out)


def print_generation(recipe: Recipe, repeats: int) -> None:
    """Print how long a sample takes to make, against its image alone."""
    making, drawing = generation_seconds(recipe.kit.canvas, NUM_DRAWN, repeats)
    console.print(
        f"Making a sample takes {ratio(making, drawing)} times what drawing its image ({recipe.kit.canvas} px) and "
        f"encoding it as PNG take: {NUM_DRAWN / min(making):,.0f} samples/s on one core",
        soft_wrap=True,
    )
