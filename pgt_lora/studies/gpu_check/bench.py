"""What the timed parts share: the machine, the models with their data, and a run of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from pgt_lora.core.batches import divisors
from pgt_lora.core.errors import InputError
from pgt_lora.core.machine import hardware
from pgt_lora.core.recipe import Recipe
from pgt_lora.data.pgt import pgt_data
from pgt_lora.models.names import resolve
from pgt_lora.studies.gpu_check.ledger import Figures, Ledger
from pgt_lora.studies.gpu_check.plan import Plan
from pgt_lora.studies.gpu_check.timed import Machine, random_weights, time_run
from pgt_lora.studies.speed.job import peak_flops
from pgt_lora.studies.speed.random_weights import write_frame, write_random
from pgt_lora.training.dry_run.check import Findings, check
from pgt_lora.training.dry_run.memory import GIB, largest_batch


@dataclass(frozen=True)
class Subject:
    """A model that is timed: its recipe's name and overrides, its data, and what `check` finds."""

    name: str
    words: Sequence[str]
    data: Path
    findings: Findings

    def recipe(self, *words: str) -> Recipe:
        """Return its recipe with more overrides."""
        return resolve(self.name, [*self.words, *words]).recipe


class Bench:
    """What the timed parts share: sizes, models with their data, and the machine."""

    def __init__(self, plan: Plan, ledger: Ledger, work: Path) -> None:
        self.plan, self.ledger, self.work = plan, ledger, work
        self.device = torch.device("cpu" if plan.dry else "cuda")
        self.subjects: dict[str, Subject] = {}
        self.machine: Machine | None = None
        self.num_runs = 0

    def prepare(self, name: str, num_samples: int, more: Sequence[str] = ()) -> Figures:
        """Make a model's directory, without weights, and its data, and have it checked."""
        words = [*self.plan.words, *more]
        base = resolve(name, words).recipe.base
        base = base if self.plan.dry else str(write_frame(base, self.work / "bases" / name))
        recipe = resolve(name, [*words, "--model_name_or_path", base]).recipe
        data = pgt_data(recipe, "train", num_samples)
        self.subjects[name] = Subject(name, [*words, "--model_name_or_path", base], data, check(recipe, data))
        return {"tokens": self.subjects[name].findings.batch.tokens}

    def measure(self) -> Figures:
        """Find out what the machine can do."""
        on_gpu = self.device.type == "cuda"
        memory = torch.cuda.get_device_properties(0).total_memory / GIB if on_gpu else self.plan.card_gib
        rate = peak_flops(torch.bfloat16 if on_gpu else torch.float32, on_gpu)
        self.machine = Machine(on_gpu, hardware(use_cpu=False) if on_gpu else "a CPU", memory, rate)
        sheet = self.machine.sheet_rate
        return {"machine": self.machine.name, "gib": round(memory, 1), "rate": rate, "sheet_rate": sheet}

    def run(
        self, name: str, who: str, words: Sequence[str], limit: float | None = None, on_disk: bool = False
    ) -> Figures:
        """Time a run of a model; on random weights, unless its weights are on disk."""
        subject, machine = self.made(name)
        self.num_runs += 1
        out = self.work / "timed" / f"{self.num_runs}-{who}"
        recipe = subject.recipe(*words)
        if on_disk:
            return time_run(who, recipe, subject.data, out, machine, subject.findings, limit)
        with random_weights(self.device):
            return time_run(who, recipe, subject.data, out, machine, subject.findings, limit)

    def ours(self, size: int, steps: int | None = None) -> list[str]:
        """Spell the kit's steps, with so many samples at a time."""
        return sized(size, self.plan.global_batch, steps or self.plan.steps)

    def filling(self) -> int:
        """Return the largest batch of the full-size model that fits the card by the estimate."""
        subject, machine = self.made(self.plan.full)
        found = subject.findings
        sizes = divisors(self.plan.global_batch)
        size = largest_batch(found.model, found.batch, found.setup, machine.card_gib, sizes)
        if size is None:
            raise InputError("no batch fits this card by the estimate")
        return size

    def on_disk(self) -> str:
        """Return the full-size model's directory with weights in it, written once."""
        base, directory = resolve(self.plan.full, self.plan.words).recipe.base, self.work / "weights"
        if self.plan.dry:
            return base
        if not directory.is_dir():
            write_random(base, torch.bfloat16, directory)
        return str(directory)

    def made(self, name: str) -> tuple[Subject, Machine]:
        """Return a model and the machine.

        Raises:
            InputError: one of them could not be made ready.
        """
        if name not in self.subjects or not self.machine:
            raise InputError(f"{name} or the machine was not made ready")
        return self.subjects[name], self.machine


def sized(size: int, global_batch: int, steps: int) -> list[str]:
    """Spell a number of steps of `global_batch` samples, of which `size` are computed at a time."""
    return [
        "--per_device_train_batch_size", str(size), "--global_batch_size", str(global_batch),
        "--max_steps", str(steps), "--report_to", "none",
    ]  # fmt: skip
