"""What the arms of a comparison answered, item by item, and which differences are more than noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import read_json_lines
from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.evaluation import statistics
from pgt_lora.evaluation.score_files import read_facts
from pgt_lora.evaluation.scoring import chance
from pgt_lora.evaluation.statistics import Floats, Indices

MEAN = "mean"


BASE = "base"  # the arm that is the model without training
PERMUTED = "-permuted"  # ends the name of an arm's twin, which was trained on permuted answers


@dataclass(frozen=True)
class Items:
    """An evaluation set: its rows without images, and for each the index of its task and of its image group."""

    title: str
    path: Path
    rows: Sequence[Mapping[str, Any]]
    tasks: tuple[str, ...]
    task: Indices
    group: Indices

    @property
    def columns(self) -> tuple[str, ...]:
        """The tasks and, where there are several, their mean."""
        return (*self.tasks, MEAN) if len(self.tasks) > 1 else self.tasks

    @property
    def counts(self) -> list[int]:
        """The number of items of each column."""
        counts = np.bincount(self.task).tolist()
        return [*counts, len(self.rows)] if len(self.tasks) > 1 else counts

    @cached_property
    def chances(self) -> list[float]:
        """The accuracy of guessing without the image, column by column."""
        by_task = [chance([row for row in self.rows if row["task"] == task]) for task in self.tasks]
        return statistics.with_mean(np.array(by_task)).tolist()


@dataclass(frozen=True)
class Accuracy:
    """An arm's accuracy on one task (or the mean over tasks), as a share; `spread` is the seeds' standard deviation.

    `unread` is the share of outputs that state no answer; they count as wrong.
    """

    value: float
    low: float
    high: float
    spread: float | None
    chance: float
    unread: float

    @property
    def above_chance(self) -> bool:
        """Whether the whole interval lies above what guessing without the image scores."""
        return self.low > self.chance


@dataclass(frozen=True)
class Result:
    """All answers to one evaluation set: by arm, then by seed, then by item; `base` has one seed's."""

    items: Items
    predictions: Mapping[str, Sequence[Sequence[Mapping[str, Any]]]]

    def right(self, arm: str) -> Floats:
        """Return 1 for each right and 0 for each wrong answer, shape (seeds, items)."""
        return np.array([[float(each["correct"]) for each in seed] for seed in self.predictions[arm]])

    def unread(self, arm: str) -> Floats:
        """Return 1 for each output that states no answer and 0 for the others, shape (seeds, items)."""
        return np.array([[float(each["parsed"] is None) for each in seed] for seed in self.predictions[arm]])

    @cached_property
    def scores(self) -> dict[str, list[Accuracy]]:
        """The accuracies of every arm, column by column."""
        return {arm: _accuracies(self, arm) for arm in self.predictions}


@dataclass(frozen=True)
class Difference:
    """The accuracy of one arm minus that of another on one task (or the mean over tasks), as a share.

    `p` is corrected for all tasks of the two arms (Holm). `won` and `lost` count the items on which the arm is
    right more often, or less often, over the seeds. `mcnemar` holds one exact p-value per seed; none for the mean.
    `above_chance` tells whether the better one of both is.
    """

    task: str
    value: float
    low: float
    high: float
    p: float
    won: int
    lost: int
    mcnemar: tuple[float, ...]
    above_chance: bool

    @property
    def found(self) -> bool:
        """Whether this is more than noise. From unable to answer up to chance is no gain, and is not found."""
        return self.p <= statistics.LEVEL and self.above_chance


@dataclass(frozen=True)
class Contrast:
    """One arm against another on one evaluation set."""

    arm: str
    reference: str
    title: str
    rows: tuple[Difference, ...]

    @property
    def is_of_skill(self) -> bool:
        """Whether the reference is the arm's permuted twin, which learned the form of the answers alone."""
        return self.reference == f"{self.arm}{PERMUTED}"


def read_items(title: str, path: Path) -> Items:
    """Read an evaluation set without its images."""
    names = ["id", "task", "template", "answer", "answer_format", "choices", "group", "scene"]
    rows = open_dataset(path).select_columns(names).to_list()
    tasks, task = np.unique([row["task"] for row in rows], return_inverse=True)
    group = np.unique([row["group"] for row in rows], return_inverse=True)[1]
    return Items(title, path, rows, tuple(tasks.tolist()), task, group)


def read_result(items: Items, directories: Mapping[str, Sequence[Path]]) -> Result:
    """Read the predictions of every arm and seed from the directories that `evaluate` wrote.

    Raises:
        InputError: predictions are not of these items.
    """
    ids, content_hash = [row["id"] for row in items.rows], read_manifest(items.path)["content_hash"]
    predictions: dict[str, list[list[dict[str, Any]]]] = {}
    for arm, each in directories.items():
        predictions[arm] = []
        for directory in each:
            predictions[arm].append(read_json_lines(directory / "predictions.jsonl"))
            of_these = [one["id"] for one in predictions[arm][-1]] == ids
            if not of_these or read_facts(directory)["content_hash"] != content_hash:  # ids alone are alike for a seed
                raise InputError(f"{directory}: not the items of {items.path}; delete it to score them again")
    return Result(items, predictions)


def _accuracies(result: Result, arm: str) -> list[Accuracy]:
    right, items = result.right(arm), result.items
    by_seed = statistics.task_means(right, items.task)
    ends = statistics.interval(statistics.draws(right, items.task, items.group, (0, 1)))
    spread = by_seed.std(0, ddof=1).tolist() if len(right) > 1 else [None] * by_seed.shape[1]
    unread = statistics.task_means(result.unread(arm), items.task).mean(0).tolist()
    columns = zip(
        by_seed.mean(0).tolist(), *(each.tolist() for each in ends), spread, items.chances, unread, strict=True
    )
    # The two extremes that the draws add pull an interval inwards from 0 and from 1.
    return [Accuracy(value, min(value, low), max(value, high), *others) for value, low, high, *others in columns]


def pairs(arms: Sequence[str]) -> list[tuple[str, str]]:
    """Return which arms are compared, as (arm, reference).

    All are compared with the first and with the first that was trained, and every arm with its permuted twin.
    """
    trained = [arm for arm in arms if arm != BASE]
    twins = [(arm, f"{arm}{PERMUTED}") for arm in arms if f"{arm}{PERMUTED}" in arms]
    references = dict.fromkeys((arms[0], trained[0]))
    found = [(arm, reference) for reference in references for arm in arms[arms.index(reference) + 1 :]]
    return list(dict.fromkeys([*twins, *found]))


def contrasts(results: Sequence[Result], arms: Sequence[str]) -> list[Contrast]:
    """Return all differences, the p-values of two arms corrected for the number of tasks on which they are compared."""
    found = []
    for arm, reference in pairs(arms):
        rows = [_differences(result, arm, reference) for result in results]
        corrected = iter(statistics.holm([row.p for each in rows for row in each]))
        for result, each in zip(results, rows, strict=True):
            told = tuple(replace(row, p=next(corrected)) for row in each)
            found.append(Contrast(arm, reference, result.items.title, told))
    return found


def _differences(result: Result, arm: str, reference: str) -> list[Difference]:
    items = result.items
    values = result.right(arm) - result.right(reference)
    drawn = statistics.draws(values, items.task, items.group, (-1, 1))
    means = statistics.task_means(values, items.task).mean(0)
    rows = []
    for column, (name, value, low, high, p) in enumerate(
        zip(items.columns, means, *statistics.interval(drawn), statistics.p_values(drawn), strict=True)
    ):
        inside = values[:, items.task == column] if column < len(items.tasks) else values
        by_item = inside.mean(0)
        by_seed = [(int((each > 0).sum()), int((each < 0).sum())) for each in inside]
        mcnemar = tuple(statistics.mcnemar(*each) for each in by_seed) if column < len(items.tasks) else ()
        ends = float(min(value, low)), float(max(value, high))
        won, lost = int((by_item > 0).sum()), int((by_item < 0).sum())
        above = any(result.scores[each][column].above_chance for each in (arm, reference))
        rows.append(Difference(name, float(value), *ends, float(p), won, lost, mcnemar, above))
    return rows
