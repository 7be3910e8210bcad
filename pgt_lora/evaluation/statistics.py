"""What a difference of accuracies is worth: intervals over seeds and image groups, McNemar's test, Holm's correction.

All arms answer the same items, so what counts is the difference on each item. Two things would differ if it were all
done again: the training (another seed) and the images. Both belong into the interval.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pgt_lora.core.streams import stream

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

LEVEL = 0.05  # of all tests; intervals hold 1 - LEVEL
NUM_DRAWS = 10_000
CHUNK = 2**22  # weights held at a time


def task_means(values: Floats, task: Indices) -> Floats:
    """Return the mean of the values of each task and, where there are several, the mean of those means.

    Args:
        values: one value per seed and item, shape (seeds, items).
        task: the index of each item's task, shape (items,); no index below the largest is left out.

    Returns:
        Shape (seeds, tasks) for one task, (seeds, tasks + 1) for several.
    """
    sums = np.stack([np.bincount(task, each) for each in values])
    return with_mean(sums / np.bincount(task))


def with_mean(by_task: Floats) -> Floats:
    """Append the mean over the last axis, where it is longer than one."""
    return np.concatenate([by_task, by_task.mean(-1, keepdims=True)], -1) if by_task.shape[-1] > 1 else by_task


def draws(
    values: Floats,
    task: Indices,
    group: Indices,
    ends: tuple[float, float],
    num_draws: int = NUM_DRAWS,
    weight: Floats | None = None,
) -> Floats:
    """Draw what `task_means`, averaged over the seeds, could have been with other seeds and other images.

    The image groups are reweighed at random as wholes (Rubin 1981, the Bayesian bootstrap), the same for all tasks
    and seeds, because all seeds answer the same items. For every task two more groups of one item take part, with
    the two possible extremes as values (Bonett and Price 2012): otherwise a few items that all agree would look
    certain. In the mean over tasks, two such groups are divided among all of them: with two of its own for each task,
    their pull would be as strong on the mean as on a task, and the mean's interval, which is narrower, would miss.

    To this comes the scatter of the seeds. Drawing with replacement from two or three of them would show too little of
    it; so their mean is drawn from its Student t distribution with one degree of freedom less than there are seeds.
    With one seed there is no scatter to see, and none is drawn.

    Args:
        values: one value per seed and item, shape (seeds, items).
        task: the index of each item's task, shape (items,).
        group: the index of each item's image group, shape (items,).
        ends: the least and the greatest value that an item can have.
        num_draws: how many draws.
        weight: each task's weight in the mean; together one. By default they are equal.

    Returns:
        Shape (draws, tasks) for one task, (draws, tasks + 1) for several.
    """
    rng, rng_of_mean = (
        np.random.default_rng(stream(0, name).getrandbits(128)) for name in ("bootstrap", "bootstrap of the mean")
    )
    num_seeds, num_tasks = len(values), int(task.max()) + 1
    weight = np.full(num_tasks, 1 / num_tasks) if weight is None else weight
    sums, counts = (group_sums(each, task, group) for each in (values.mean(0), np.ones(len(task))))
    num_groups = len(sums)
    size = max(1, CHUNK // (num_groups + 2 * num_tasks))
    chunks = []
    for start in range(0, num_draws, size):
        number = min(size, num_draws - start)
        drawn = rng.standard_exponential((number, num_groups + 2 * num_tasks), dtype=np.float32)
        groups, of_ends = drawn[:, :num_groups], drawn[:, num_groups:].reshape(number, 2, num_tasks)
        sum_of, count_of = groups @ sums, groups @ counts
        chunk = _reweighed(sum_of, count_of, of_ends, ends)
        if num_tasks > 1:
            shared = rng_of_mean.standard_exponential((number, 2, 1)) * weight
            chunk = np.column_stack([chunk, _reweighed(sum_of, count_of, shared, ends) @ weight])
        chunks.append(chunk)
    found = np.concatenate(chunks)
    if num_seeds > 1:
        normal = rng.standard_normal((num_draws, num_seeds))
        normal -= normal.mean(1, keepdims=True)
        scale = num_seeds * rng.chisquare(num_seeds - 1, (num_draws, 1))
        of_seeds = task_means(values, task)[:, :num_tasks]
        if num_tasks > 1:
            of_seeds = np.column_stack([of_seeds, of_seeds @ weight])
        found = found + normal / np.sqrt(scale) @ of_seeds
    return np.clip(found, *ends)


def _reweighed(sums: Floats, counts: Floats, of_ends: NDArray[Any], ends: tuple[float, float]) -> Floats:
    """Return the tasks' means with groups of the two extremes taking part, which weigh `of_ends` (draws, 2, tasks)."""
    return np.asarray((sums + np.einsum("det,e->dt", of_ends, ends)) / (counts + of_ends.sum(1)))


def group_sums(values: Floats, task: Indices, group: Indices) -> Floats:
    """Return the sum of the values of each image group in each task, shape (groups, tasks)."""
    num_tasks = int(task.max()) + 1
    size = (int(group.max()) + 1) * num_tasks
    sums = np.bincount(group * num_tasks + task, values, size).astype(np.float64)
    return sums.reshape(-1, num_tasks)


def interval(drawn: Floats) -> tuple[Floats, Floats]:
    """Return the ends of the 95% intervals of draws, shape (draws, columns), column by column."""
    low, high = np.quantile(drawn, (LEVEL / 2, 1 - LEVEL / 2), axis=0)
    return low, high


def p_values(drawn: Floats) -> Floats:
    """Return two-sided p-values of no difference: twice the share of draws on the rarer side of zero, one added."""
    tails = np.minimum((drawn <= 0).sum(0), (drawn >= 0).sum(0))
    return np.minimum(1.0, 2 * (tails + 1) / (len(drawn) + 1))


def holm(p: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number, so that one false finding among all is as rare as stated.

    Source: Holm 1979. The smallest is multiplied by their number, the next by one less, and none falls below the one
    before.
    """
    corrected, largest = [0.0] * len(p), 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        largest = max(largest, min(1.0, p[index] * (len(p) - rank)))
        corrected[index] = largest
    return corrected


def mcnemar(won: int, lost: int) -> float:
    """Return the exact two-sided p-value of McNemar's test: items won and lost are alike likely (binomial, one half).

    It holds for items that are independent and for this one pair of models: nothing is said of other seeds.
    """
    total, tail, term = won + lost, 0, 1
    for k in range(min(won, lost) + 1):
        tail += term
        term = term * (total - k) // (k + 1)
    return min(1.0, 2 * tail / 2**total)
