"""A preset's results at one glance: all arms on all sets, what was learned beside form, and how much of it is kept."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pgt_lora.evaluation import statistics
from pgt_lora.evaluation.paired import MEAN, Accuracy, Contrast, Difference, Items, Result
from pgt_lora.evaluation.statistics import LEVEL, Floats
from pgt_lora.studies.compare.sets import EvaluationSet


@dataclass(frozen=True)
class Kept:
    """A gain as a share of the gain on the first set, with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Gain:
    """An arm's accuracy minus that of its permuted twin, with an interval that is corrected as its p is.

    `kept` is None on the first set, and where there is no gain on that to be kept.
    """

    difference: Difference
    low: float
    high: float
    kept: Kept | None


@dataclass(frozen=True)
class Row:
    """One evaluation set: its result, what a stranger should know of it, and the number of its images.

    `num_images` counts photographs, not crops; it is what intervals resample.
    """

    result: Result
    about: str
    num_images: int

    @property
    def is_of_few(self) -> bool:
        """Whether several items share an image."""
        return self.num_images < len(self.result.items.rows)


def columns_of(results: Iterable[Result]) -> list[str]:
    """Return the columns of several sets, each once: their tasks and, where a set has several, the mean at the end."""
    return sorted(dict.fromkeys(name for result in results for name in result.items.columns), key=MEAN.__eq__)


@dataclass(frozen=True)
class Overview:
    """All sets of a preset, and by arm that has a permuted twin, its gain in skill by set and task."""

    preset: str
    rows: tuple[Row, ...]
    gains: dict[str, dict[tuple[str, str], Gain]]

    @property
    def tasks(self) -> list[str]:
        """The tasks of all sets and, where there are several, their mean at the end."""
        return columns_of(row.result for row in self.rows)

    def score(self, row: Row, task: str, arm: str) -> Accuracy | None:
        """Return an arm's accuracy on a task of a set, None where the set has no such task."""
        columns = row.result.items.columns
        return row.result.scores[arm][columns.index(task)] if task in columns else None

    def figures(self) -> dict[str, Any]:
        """Return what `results.json` says of it: the images of each set, the gains and the shares that are kept."""
        return {
            "preset": self.preset,
            "images": {row.result.items.title: row.num_images for row in self.rows},
            "gains": [
                {"set": title, "arm": arm, "found": gain.difference.found} | asdict(gain)
                for arm, gains in self.gains.items()
                for (title, _), gain in gains.items()
            ],
        }


def overview(
    preset: str, sets: Sequence[EvaluationSet], results: Sequence[Result], contrasts: Sequence[Contrast]
) -> Overview:
    """Return a preset's results at one glance."""
    rows = [
        Row(result, each.about, len(np.unique(result.items.group))) for each, result in zip(sets, results, strict=True)
    ]
    arms = dict.fromkeys(contrast.arm for contrast in contrasts if contrast.is_of_skill)
    return Overview(preset, tuple(rows), {arm: _gains(arm, results, contrasts) for arm in arms})


@dataclass(frozen=True)
class _Measured:
    """The differences of an arm from its twin on one set, item by item and by column, and draws of the columns."""

    items: Items
    values: Floats
    differences: Sequence[Difference]
    drawn: Floats

    def columns(self, tasks: Iterable[str]) -> list[int]:
        names = [each.task for each in self.differences]
        return [names.index(task) for task in tasks]

    def value(self, tasks: Sequence[str]) -> float:
        return float(np.mean([self.differences[column].value for column in self.columns(tasks)]))

    def draws(self, tasks: Sequence[str]) -> Floats:
        if len(tasks) == 1:
            return self.drawn[:, self.columns(tasks)[0]]
        weight = np.isin(self.items.tasks, tasks) / len(tasks)
        return statistics.draws(self.values, self.items.task, self.items.group, (-1, 1), weight=weight)[:, -1]


def _gains(arm: str, results: Sequence[Result], contrasts: Iterable[Contrast]) -> dict[tuple[str, str], Gain]:
    """Return the gain of an arm over its permuted twin by set and task."""
    of_skill = {each.title: each for each in contrasts if each.arm == arm and each.is_of_skill}
    measured = [_measure(result, of_skill[result.items.title]) for result in results]
    levels = iter(holm_levels(np.concatenate([statistics.p_values(each.drawn) for each in measured]).tolist()))
    gains = {}
    for result, each in zip(results, measured, strict=True):
        for column, difference in enumerate(each.differences):
            level = next(levels)
            low, high = np.quantile(each.drawn[:, column], (level / 2, 1 - level / 2)).tolist()
            ends = min(difference.value, low), max(difference.value, high)
            kept = None if each is measured[0] else _kept(difference.task, each, measured[0])
            gains[result.items.title, difference.task] = Gain(difference, *ends, kept)
    return gains


def _measure(result: Result, contrast: Contrast) -> _Measured:
    items = result.items
    values = result.right(contrast.arm) - result.right(contrast.reference)
    return _Measured(items, values, contrast.rows, statistics.draws(values, items.task, items.group, (-1, 1)))


def _kept(task: str, here: _Measured, home: _Measured) -> Kept | None:
    """Return which share of a gain at home there is here; of a mean, over the tasks that both have."""
    known = {each.task: each for each in home.differences}
    if task not in known or not known[task].found or known[task].value <= 0:
        return None
    tasks = [each.task for each in here.differences if each.task != MEAN and each.task in known]
    tasks = tasks if task == MEAN else [task]
    at_home = home.draws(tasks)
    shares = here.draws(tasks)[at_home > 0] / at_home[at_home > 0]
    low, high = np.quantile(shares, (LEVEL / 2, 1 - LEVEL / 2)).tolist()
    return Kept(here.value(tasks) / home.value(tasks), low, high)


def holm_levels(p: Sequence[float]) -> list[float]:
    """Return the level at which Holm's procedure tests each of several p-values, for intervals that agree with it.

    The smallest is tested at 5% over their number, the next at 5% over one less; where one is above its level, all
    after it are held to that level, because none of them is found any more.
    """
    levels, stopped = [0.0] * len(p), 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        levels[index] = stopped or LEVEL / (len(p) - rank)
        stopped = stopped or (levels[index] if p[index] > levels[index] else 0.0)
    return levels
