"""The batch that fits a GPU, by the estimate: what `per_device_train_batch_size: auto` comes to."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from accelerate.utils import broadcast_object_list, gather_object, parse_flag_from_env

from pgt_lora.core.batches import divisors
from pgt_lora.core.errors import InputError
from pgt_lora.core.files import read_json
from pgt_lora.core.recipe import Recipe, build_recipe
from pgt_lora.core.terminal import console
from pgt_lora.models.names import STARTED
from pgt_lora.training.dry_run.cards import card_of
from pgt_lora.training.dry_run.check import Findings, check
from pgt_lora.training.dry_run.memory import GIB, RESERVE, Memory, Setup, estimate
from pgt_lora.training.dry_run.pace import DEFAULT, cost
from pgt_lora.training.processes import LAUNCH_VARIABLE, together

CHOSEN = ("per_device_train_batch_size", "gradient_checkpointing")  # the fields that `auto` stands for


@dataclass(frozen=True)
class Fit:
    """A way to train: samples at a time, gradient checkpointing, 4 bits; the memory it takes, and a token's cost."""

    size: int
    checkpointing: bool
    four_bit: bool
    memory: Memory
    cost: float

    def __str__(self) -> str:
        """Say what was chosen and what it takes."""
        way = "with" if self.checkpointing else "without"
        return f"{self.size} samples at a time, {way} gradient checkpointing: {self.memory.total / GIB:.1f} GiB"

    def words(self, asked: "Fit") -> list[str]:
        """Return what to add to a recipe that asks for something else."""
        words = []
        if self.size != asked.size:
            words += ["--per_device_train_batch_size", str(self.size)]
        if self.checkpointing != asked.checkpointing:
            words += ["--gradient_checkpointing", str(self.checkpointing).lower()]
        if self.four_bit != asked.four_bit:
            words += ["--load_in_4bit", str(self.four_bit).lower()]
        return words


def way(found: Findings, setup: Setup, size: int, card: str) -> Fit:
    """Return a way to train with its estimates on a card; the cost is that of samples of mean length."""
    memory = estimate(found.model, replace(found.batch, size=size), setup)
    tokens = size * mean(length.total for length in found.lengths)
    return Fit(size, setup.checkpointing, setup.four_bit, memory, cost(card, tokens, setup.checkpointing))


def as_asked(found: Findings, card: str = DEFAULT) -> Fit:
    """Return the recipe's own way to train."""
    return way(found, found.setup, found.batch.size, card)


def fit(
    found: Findings,
    card_gib: float,
    card: str = DEFAULT,
    num_processes: int = 1,
    is_sharded: bool = False,
    four_bit: bool | None = None,
) -> Fit | None:
    """Return the fastest way that fits a GPU of so many GiB; of ways alike in speed, that which takes the least memory.

    The batch divides the global batch among the processes. Gradient checkpointing is on where it lets so many more
    samples be taken at a time that a token costs less. Returns None where not one sample fits.
    """
    setup = replace(found.setup, num_shards=num_processes if is_sharded else 1)
    if four_bit is not None:
        setup = replace(setup, four_bit=four_bit)
    sizes = divisors(found.recipe.kit.global_batch_size // num_processes)
    ways = (way(found, replace(setup, checkpointing=each), size, card) for each in (False, True) for size in sizes)
    fitting = [each for each in ways if each.memory.fits(card_gib)]
    return min(fitting, key=lambda each: (round(each.cost, 6), each.memory.total), default=None)


def fitted(
    found: Findings, card_gib: float, card: str = DEFAULT, num_processes: int = 1, is_sharded: bool = False
) -> Findings:
    """Return findings with the batch and the gradient checkpointing that fit a GPU in the recipe's place of `auto`.

    Raises:
        InputError: not one sample fits.
    """
    recipe = found.recipe
    chosen = fit(found, card_gib, card, num_processes, is_sharded)
    if chosen is None:
        raise InputError(
            f"{recipe.name}: per_device_train_batch_size auto: not one sample fits a GPU of {card_gib:.0f} GiB by the "
            f"estimate; use --load_in_4bit true, several GPUs with LAUNCH=fsdp2, or a smaller canvas"
        )
    console.print(
        f"per_device_train_batch_size auto: {chosen} of {card_gib:.1f} by the estimate, {RESERVE:.0%} left free",
        soft_wrap=True,
    )
    values = {**recipe.values, **dict(zip(CHOSEN, (chosen.size, chosen.checkpointing), strict=True))}
    return replace(
        found,
        recipe=build_recipe(recipe.name, recipe.name, values),
        batch=replace(found.batch, size=chosen.size),
        setup=replace(found.setup, checkpointing=chosen.checkpointing),
    )


def for_this_machine(recipe: Recipe, data: Path, out: Path | None = None) -> Recipe:
    """Return a recipe whose batch, where it is `auto`, is the fastest that fits this machine's GPUs on that data.

    Every process gets the same one: it goes by the GPU with the least memory. A run that was begun in `out` goes on
    with what was chosen then, on whatever machine.

    Raises:
        InputError: no GPU is seen, or not one sample fits.
    """
    if not recipe.batch_is_auto:
        return recipe
    with together():
        begun = [begun_values(recipe, out) if out else None]
    broadcast_object_list(begun)
    if begun[0]:
        console.print(f"per_device_train_batch_size auto: as {out} was begun", soft_wrap=True)
        return build_recipe(recipe.name, str(out), begun[0])
    num_here = max(1, recipe.sft.n_gpu)
    num_processes = recipe.sft.world_size * num_here
    launch = os.environ.get(LAUNCH_VARIABLE, "") if num_processes > 1 else ""
    is_sharded = parse_flag_from_env("ACCELERATE_USE_FSDP") or launch == "fsdp2"
    with together():
        here = card_here(recipe)
    card_gib, card = min(gather_object([here]))
    with together():
        return fitted(check(recipe, data), card_gib, card, num_processes, is_sharded).recipe


def begun_values(recipe: Recipe, out: Path) -> dict[str, Any] | None:
    """Return the values of the run that was begun in a directory, where it is the recipe's but for what was chosen.

    Raises:
        InputError: the run's record cannot be read.
    """
    if not (path := out / STARTED).is_file():
        return None
    begun: dict[str, Any] = read_json(path)["recipe"]
    rest, asked = (
        {name: value for name, value in values.items() if name not in CHOSEN} for values in (begun, recipe.values)
    )
    return begun if rest == asked else None


def card_here(recipe: Recipe) -> tuple[float, str]:
    """Return the memory of the least of the GPUs that this process sees, in GiB, and the card that stands for it.

    Raises:
        InputError: it sees none, or the recipe uses none.
    """
    if recipe.sft.use_cpu or not torch.cuda.is_available():
        raise InputError(
            f"{recipe.name}: per_device_train_batch_size auto needs a GPU's memory, and "
            f"{'the recipe uses none (use_cpu)' if recipe.sft.use_cpu else 'no GPU is visible'}; give a number"
        )
    seen = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
    return min((each.total_memory / GIB, card_of(each.name) or DEFAULT) for each in seen)
