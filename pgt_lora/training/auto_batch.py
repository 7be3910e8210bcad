"""The batch of this machine: what `per_device_train_batch_size: auto` comes to, and whether a number can fit."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import broadcast_object_list, gather_object, parse_flag_from_env

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import read_json
from pgt_lora.core.recipe import Recipe, build_recipe
from pgt_lora.core.terminal import console
from pgt_lora.models.lengths import Length
from pgt_lora.models.names import STARTED
from pgt_lora.training.dry_run.cards import card_of
from pgt_lora.training.dry_run.check import check, setup
from pgt_lora.training.dry_run.fitting import CHOSEN, fitted
from pgt_lora.training.dry_run.memory import GIB, Batch, dimensions, estimate
from pgt_lora.training.dry_run.pace import DEFAULT
from pgt_lora.training.processes import LAUNCH_VARIABLE, together

FAR = 1.5  # the estimate was within 3% of what was measured on an H200 (docs/training.md)


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


def check_batch(recipe: Recipe, size: int, model: Any, lengths: Sequence[Length], card_gib: float) -> None:
    """Check, before this process scores the base, that `size` samples are not far beyond a GPU of so many GiB.

    Raises:
        InputError: it takes `FAR` times as much by the estimate, the vision tower left out.
    """
    longest, supervised = (max(getattr(each, kind) for each in lengths) for kind in ("total", "supervised"))
    batch = Batch(size, longest, supervised, vision_positions=0)
    is_sharded = parse_flag_from_env("ACCELERATE_USE_FSDP")
    held = setup(recipe, num_trainable=0, num_shards=recipe.sft.world_size if is_sharded else 1)
    if (memory := estimate(dimensions(model), batch, held).total / GIB) > FAR * card_gib:
        raise InputError(
            f"{recipe.name}: {size} samples at a time, the longest of {longest:,} tokens, take {memory:,.1f} GiB "
            f"by the estimate, and the GPU has {card_gib:,.1f}; pass --per_device_train_batch_size auto (and another "
            "--out, where the run was begun), or make the images smaller"
        )


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
