"""How a step's samples are dealt out: the one arithmetic of batches, for training, check, export and benchmarks."""

import math
from dataclasses import dataclass

from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import Recipe


@dataclass(frozen=True)
class StepShape:
    """What a step is on each of a number of processes: so many samples at a time, so many times."""

    num_processes: int
    batch_size: int
    accumulation: int

    @property
    def num_samples(self) -> int:
        """The samples in a step, over all processes."""
        return self.num_processes * self.batch_size * self.accumulation


def step_shape(recipe: Recipe, num_processes: int) -> StepShape:
    """Return how a recipe's global batch is dealt out to a number of processes.

    The samples at a time are the recipe's, or fewer where a process's share is smaller.

    Raises:
        InputError: the global batch cannot be dealt out equally, or the samples at a time are not chosen yet.
    """
    if recipe.batch_is_auto:
        raise InputError(
            f"{recipe.name}: per_device_train_batch_size auto depends on the GPU's memory when training starts; give a "
            "number here"
        )
    whole, size = recipe.kit.global_batch_size, recipe.sft.per_device_train_batch_size
    if whole % size:
        raise InputError(
            f"{recipe.name}: global_batch_size {whole} is not a multiple of "
            f"per_device_train_batch_size {size}; change one"
        )
    if whole % num_processes:
        fitting = [str(n) for n in range(1, num_processes) if whole % n == 0]
        raise InputError(
            f"{recipe.name}: global_batch_size {whole} cannot be divided equally among {num_processes} processes; make "
            f"{' or '.join(fitting)} GPUs visible (GPUS=, or CUDA_VISIBLE_DEVICES), or change global_batch_size"
        )
    share = whole // num_processes
    size = max(n for n in divisors(share) if n <= size)
    return StepShape(num_processes, size, share // size)


def num_steps(recipe: Recipe, num_rows: int) -> int:
    """Return the steps of a whole training; rows that make no whole step are left out of an epoch."""
    if recipe.sft.max_steps > 0:
        return recipe.sft.max_steps
    return math.ceil(recipe.sft.num_train_epochs * (num_rows // recipe.kit.global_batch_size))


def divisors(number: int) -> list[int]:
    """Return the divisors of a number."""
    return [n for n in range(1, number + 1) if number % n == 0]
