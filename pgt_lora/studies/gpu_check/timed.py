"""One timed run of the kit or of TRL in this process, on random weights that are made where they are needed."""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, TrainerCallback

from pgt_lora.core.machine import free_gpu
from pgt_lora.core.recipe import Recipe
from pgt_lora.studies.gpu_check.ledger import Figures
from pgt_lora.studies.speed.contenders import HERE
from pgt_lora.studies.speed.job import Job
from pgt_lora.studies.speed.measure import Measured, instrumented, peak_bytes
from pgt_lora.studies.speed.random_weights import build
from pgt_lora.training.dry_run.cards import CARDS, card_of
from pgt_lora.training.dry_run.check import Findings
from pgt_lora.training.dry_run.memory import CONTEXT, GIB, estimate

# Steps at the start that are left out of the rate: kernels are chosen and memory is asked for, or layers compiled.
WARM_UP = 2


@dataclass(frozen=True)
class Machine:
    """What is computed on: its memory, the rate of a large product of matrices on it, and the data sheet's."""

    on_gpu: bool
    name: str
    card_gib: float
    rate: float

    @property
    def sheet_rate(self) -> float | None:
        """Operations a second by the data sheet, None for a card whose sheet is not known here."""
        card = card_of(self.name)
        return CARDS[card].rate if card else None


class Clock(TrainerCallback):
    """Notes when each step ended and the tokens until then; ends training after `seconds`, where they are given."""

    def __init__(self, found: Measured, on_gpu: bool, seconds: float | None = None) -> None:
        self.found, self.on_gpu, self.seconds = found, on_gpu, seconds
        self.ends: list[tuple[float, int]] = []

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Start the clock, and forget what making the cache of features took at its peak."""
        if self.on_gpu:
            torch.cuda.reset_peak_memory_stats()
        self.ends = [(time.perf_counter(), 0)]

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Note the step, once it is done."""
        if self.on_gpu:
            torch.cuda.synchronize()
        self.ends.append((time.perf_counter(), self.found.tokens))
        if self.seconds and self.ends[-1][0] - self.ends[0][0] > self.seconds:
            control.should_training_stop = True

    @property
    def steady(self) -> float:
        """Tokens a second, the median of the steps after the first ones."""
        rates = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(self.ends)]
        return statistics.median(rates[min(WARM_UP, len(rates) - 1) :])


@contextmanager
def random_weights(device: torch.device) -> Iterator[None]:
    """Have every checkpoint directory loaded as its configuration says, with random weights made on the device."""
    loaded = PreTrainedModel.__dict__["from_pretrained"]

    def made(cls: type, directory: str, *words: Any, dtype: Any = None, **kwargs: Any) -> Any:
        dtype = getattr(torch, dtype) if isinstance(dtype, str) else dtype
        attention = kwargs.get("attn_implementation") or "sdpa"
        return build(Path(directory), dtype, device, attn_implementation=attention).eval()

    PreTrainedModel.from_pretrained = classmethod(made)  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        PreTrainedModel.from_pretrained = loaded  # type: ignore[method-assign]


def time_run(
    who: str, recipe: Recipe, data: Path, out: Path, machine: Machine, findings: Findings, seconds: float | None = None
) -> Figures:
    """Train, for `seconds` at most where they are given, and return the figures; raises what training raises."""
    free_gpu()  # of what an earlier run held that failed
    found = Measured()
    clock = Clock(found, machine.on_gpu, seconds)
    began = time.perf_counter()
    try:
        with instrumented(found, clock):
            HERE[who](recipe, data, out)
    finally:
        if recipe.kit.compile_layers:
            torch._dynamo.reset()
    found.seconds, found.peak_bytes = time.perf_counter() - began, peak_bytes(machine.on_gpu)
    return {"who": who, **rates(found, clock, machine, findings), **memory(found, recipe, machine, findings)}


def rates(found: Measured, clock: Clock, machine: Machine, findings: Findings) -> Figures:
    """Return how fast a run was; its operations are those that the language model needs, without the vision tower."""
    flops = Job(findings.model, 0, 0).flops(found) / found.tokens * clock.steady
    return {
        "tokens_per_s": round(clock.steady),
        "loop_tokens_per_s": round(found.tokens / found.training),
        "utilization": round(flops / machine.rate, 4),
        "utilization_sheet": round(flops / machine.sheet_rate, 4) if machine.sheet_rate else None,
        "waiting": round(found.waiting / found.training, 4),
        "padding": round(1 - found.tokens / found.padded, 4),
        "tokens_per_image": round(found.tokens / found.images, 1),
        "loss": round(found.loss, 5),
        "loop_s": round(found.training, 1),
        "else_s": round(found.seconds - found.training, 1),
        "step_s": [round(b[0] - a[0], 3) for a, b in pairwise(clock.ends)],
    }


def memory(found: Measured, recipe: Recipe, machine: Machine, findings: Findings) -> Figures:
    """Return a run's peak, and what `check` expects of it, in GiB; CUDA's context is not the allocator's."""
    size = recipe.sft.per_device_train_batch_size
    setup = replace(findings.setup, four_bit=recipe.model.load_in_4bit)
    expected = estimate(findings.model, replace(findings.batch, size=size), setup)
    return {
        "batch": size,
        "peak_gib": round(found.peak_bytes / GIB, 3),
        "estimate_gib": round((expected.total - (CONTEXT if machine.on_gpu else 0)) / GIB, 3),
    }


def told(run: Figures) -> str:
    """Spell a run in a line."""
    sheet = "" if run["utilization_sheet"] is None else f", {run['utilization_sheet']:.1%} of the data sheet's"
    ratio = f"; kit/TRL {run['ratio']:.2f}" if "ratio" in run else ""
    return (
        f"{run['tokens_per_s']:,} tokens/s, {run['utilization']:.1%} of the matrix rate{sheet}{ratio}; peak "
        f"{run['peak_gib']:.1f} GiB, estimate {run['estimate_gib']:.1f}; {len(run['step_s'])} steps in {run['loop_s']} "
        f"s, all else {run['else_s']} s; waiting {run['waiting']:.1%}, loss {run['loss']:.4f}"
    )
