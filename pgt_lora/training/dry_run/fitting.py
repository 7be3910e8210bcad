"""The batch that fits a GPU, by the estimate: what `per_device_train_batch_size: auto` comes to."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from accelerate.utils import gather_object, parse_flag_from_env

from pgt_lora.core.batches import divisors
from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import Recipe, build_recipe
from pgt_lora.core.terminal import console
from pgt_lora.training.dry_run.check import Findings, check
from pgt_lora.training.dry_run.memory import GIB, RESERVE, Memory, estimate, largest_batch
from pgt_lora.training.processes import LAUNCH_VARIABLE, together

WORTH_IT = 4  # with fewer samples at a time a GPU waits: gradient checkpointing then costs less than it gives


@dataclass(frozen=True)
class Fit:
    """The samples at a time that fit a GPU, whether with gradient checkpointing, and what they take."""

    size: int
    checkpointing: bool
    memory: Memory

    def __str__(self) -> str:
        """Say what was chosen and what it takes."""
        way = "with" if self.checkpointing else "without"
        return f"{self.size} samples at a time, {way} gradient checkpointing: {self.memory.total / GIB:.1f} GiB"


def fit(found: Findings, card_gib: float, num_processes: int = 1, is_sharded: bool = False) -> Fit | None:
    """Return the largest batch that fits a GPU of so many GiB and that the global batch can be dealt out in.

    Gradient checkpointing is on where the recipe has it, and where fewer than four samples would fit without it.
    Returns None where not one sample fits.
    """
    sizes = divisors(found.recipe.kit.global_batch_size // num_processes)
    setup = replace(found.setup, num_shards=num_processes if is_sharded else 1)
    least = min(WORTH_IT, max(sizes))
    best: Fit | None = None
    for checkpointing in (False, True):
        if found.setup.checkpointing and not checkpointing:
            continue
        way = replace(setup, checkpointing=checkpointing)
        size = largest_batch(found.model, found.batch, way, card_gib, sizes)
        if size and (best is None or size > best.size):
            best = Fit(size, checkpointing, estimate(found.model, replace(found.batch, size=size), way))
        if best and best.size >= least:
            break
    return best


def fitted(found: Findings, card_gib: float, num_processes: int = 1, is_sharded: bool = False) -> Findings:
    """Return findings with the batch and the gradient checkpointing that fit a GPU in the recipe's place of `auto`.

    Raises:
        InputError: not one sample fits.
    """
    recipe = found.recipe
    chosen = fit(found, card_gib, num_processes, is_sharded)
    if chosen is None:
        raise InputError(
            f"{recipe.name}: per_device_train_batch_size auto: not one sample fits a GPU of {card_gib:.0f} GiB by the "
            f"estimate; use --load_in_4bit true, several GPUs with LAUNCH=fsdp2, or a smaller canvas"
        )
    console.print(
        f"per_device_train_batch_size auto: {chosen} of {card_gib:.1f} by the estimate, {RESERVE:.0%} left free",
        soft_wrap=True,
    )
    values = {
        **recipe.values,
        "per_device_train_batch_size": chosen.size,
        "gradient_checkpointing": chosen.checkpointing,
    }
    return replace(
        found,
        recipe=build_recipe(recipe.name, recipe.name, values),
        batch=replace(found.batch, size=chosen.size),
        setup=replace(found.setup, checkpointing=chosen.checkpointing),
    )


def for_this_machine(recipe: Recipe, data: Path) -> Recipe:
    """Return a recipe whose batch, where it is `auto`, is the largest that fits this machine's GPUs on that data.

    Every process gets the same one: it goes by the GPU with the least memory.

    Raises:
        InputError: no GPU is seen, or not one sample fits.
    """
    if not recipe.batch_is_auto:
        return recipe
    num_here = max(1, recipe.sft.n_gpu)
    num_processes = recipe.sft.world_size * num_here
    launch = os.environ.get(LAUNCH_VARIABLE, "") if num_processes > 1 else ""
    is_sharded = parse_flag_from_env("ACCELERATE_USE_FSDP") or launch == "fsdp2"
    with together():
        here = card_here(recipe)
    card_gib = min(gather_object([here]))
    with together():
        return fitted(check(recipe, data), card_gib, num_processes, is_sharded).recipe


def card_here(recipe: Recipe) -> float:
    """Return the memory of the least of the GPUs that this process sees, in GiB.

    Raises:
        InputError: it sees none, or the recipe uses none.
    """
    if recipe.sft.use_cpu or not torch.cuda.is_available():
        raise InputError(
            f"{recipe.name}: per_device_train_batch_size auto needs a GPU's memory, and "
            f"{'the recipe uses none (use_cpu)' if recipe.sft.use_cpu else 'no GPU is visible'}; give a number"
        )
    sizes = [torch.cuda.get_device_properties(number).total_memory for number in range(torch.cuda.device_count())]
    return min(sizes) / GIB
