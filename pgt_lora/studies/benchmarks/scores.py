"""From logged items to scores: by benchmark with the paper's rule, by group, and beside the paper's figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import read_json_lines
from pgt_lora.evaluation import statistics
from pgt_lora.evaluation.paired import Items
from pgt_lora.evaluation.paper import BENCHMARKS as COLUMNS
from pgt_lora.evaluation.paper import TABLE_2
from pgt_lora.evaluation.scoring import wilson
from pgt_lora.studies.benchmarks.catalog import GROUPS, Benchmark
from pgt_lora.studies.benchmarks.reading import Item, output_of
from pgt_lora.studies.benchmarks.subject import Backend

NUM_DRAWS = 2000
ROUNDING = 0.0005  # the paper prints tenths of a per cent


@dataclass(frozen=True)
class Estimate:
    """A score as a share, with its 95% interval over the items, which are counted, and the share of unread outputs."""

    value: float
    low: float
    high: float
    num_items: int
    unread: float | None = None  # None where an older version did not write it


def read_items(benchmark: Benchmark, logs: Path, backend: str = "hf") -> list[Item]:
    """Read the items of one benchmark from lmms-eval's logs, in the order of its tasks and of their items.

    Where the model raises an error, lmms-eval's wrappers of Transformers go on with an empty answer without a count of
    its tokens, which would be taken for a wrong one.

    Raises:
        InputError: a task's log is missing, or an item was not answered because the model failed on it.
    """
    items: list[Item] = []
    everything: list[Mapping[str, Any]] = []
    for task in benchmark.tasks:
        paths = sorted(logs.glob(f"*/*_samples_{task}.jsonl"))
        if not paths:
            raise InputError(f"{logs}: no log of {task}; lmms-eval's messages say why")
        logged = sorted(read_json_lines(paths[-1]), key=lambda each: each["doc_id"])
        failed = [each["doc_id"] for each in logged if each.get("token_counts") == [None] and not output_of(each)]
        if failed and backend == Backend.TRANSFORMERS:
            raise InputError(f"{task}: the model failed on {len(failed)} items (first: {failed[0]}); see the messages")
        items += [benchmark.read(task, each) for each in logged]
        everything += logged
    joined = benchmark.join(items, everything) if benchmark.join else items
    return [benchmark.named(item) for item in joined]


def leaves(benchmark: Benchmark, items: Sequence[Item]) -> list[list[Item]]:
    """Return the sets of items whose accuracies are averaged: one for each category, or a single one."""
    if not benchmark.by_category:
        return [list(items)]
    return [[item for item in items if item.category == name] for name in sorted({item.category for item in items})]


def estimate(parts: Sequence[Sequence[Sequence[Item]]]) -> Estimate:
    """Return the mean over parts of the mean over leaves of the accuracy, with an interval over images.

    A single leaf gets Wilson's interval, as everywhere in this kit; the others that of `statistics.draws`.
    """
    flat = [leaf for part in parts for leaf in part]
    items = [item for leaf in flat for item in leaf]
    if len(flat) == 1:
        right = sum(item.correct for item in items)
        unread = sum(item.parsed is None for item in items) / len(items)
        return Estimate(right / len(items), *wilson(right, len(items)), len(items), unread)
    index = np.repeat(np.arange(len(flat)), [len(leaf) for leaf in flat])
    group = np.unique([item.group for item in items], return_inverse=True)[1]
    weight = np.array([1 / (len(parts) * len(part)) for part in parts for _ in part])
    right_each = np.array([[float(item.correct) for item in items]])
    unread_each = np.array([[float(item.parsed is None) for item in items]])
    # The plain mean over the leaves, which stands last, is not what is asked for here.
    value = float(statistics.task_means(right_each, index)[0, : len(flat)] @ weight)
    drawn = statistics.draws(right_each, index, group, (0, 1), NUM_DRAWS, weight)[:, -1]
    low, high = np.quantile(drawn, (statistics.LEVEL / 2, 1 - statistics.LEVEL / 2)).tolist()
    unread = float(statistics.task_means(unread_each, index)[0, : len(flat)] @ weight)
    return Estimate(value, min(value, low), max(value, high), len(items), unread)


def by_benchmark(items: Mapping[str, Sequence[Item]], benchmarks: Mapping[str, Benchmark]) -> dict[str, Estimate]:
    """Return the score of every benchmark that was run."""
    return {name: estimate([leaves(benchmarks[name], each)]) for name, each in items.items()}


def by_group(items: Mapping[str, Sequence[Item]], benchmarks: Mapping[str, Benchmark]) -> dict[str, Estimate]:
    """Return the score of every group of which all parts were run: the mean over its parts."""
    found = {}
    for title, names in GROUPS.items():
        parts = [_part(name, items, benchmarks) for name in names]
        if all(parts):
            found[title] = estimate([part for part in parts if part])
    return found


def _part(name: str, items: Mapping[str, Sequence[Item]], benchmarks: Mapping[str, Benchmark]) -> list[list[Item]]:
    benchmark, _, category = name.partition(":")
    if benchmark not in items:
        return []
    if not category:
        return leaves(benchmarks[benchmark], items[benchmark])
    chosen = [item for item in items[benchmark] if item.category == category]
    return [chosen] if chosen else []


def published(base: str, column: str | None) -> dict[str, float]:
    """Return the paper's scores of a model on one benchmark, as shares by arm; none where it has none."""
    model = TABLE_2.get(base)
    if model is None or column is None:
        return {}
    return {arm: scores[COLUMNS.index(column)] / 100 for arm, scores in model.scores.items()}


def set_up_differs(score: Estimate, paper_base: float) -> bool:
    """Tell whether the paper's score of the base lies outside the interval of one's own.

    Both answered the same items, so a difference beyond the interval comes from the set-up: prompts, image sizes,
    counting. What is gained on top means little then.
    """
    return not score.low - ROUNDING <= paper_base <= score.high + ROUNDING


def items_of(predictions: Sequence[Mapping[str, Any]], title: str, directory: Path) -> Items:
    """Return benchmarked items as the comparison reads them: paired statistics need nothing else."""
    rows = [dict(each) | {"answer": each["expected"]} for each in predictions]
    tasks, task = np.unique([row["task"] for row in rows], return_inverse=True)
    group = np.unique([row["group"] for row in rows], return_inverse=True)[1]
    return Items(title, directory, rows, tuple(tasks.tolist()), task, group)
