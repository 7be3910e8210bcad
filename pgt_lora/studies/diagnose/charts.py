"""What the diagnosis draws: accuracy by difficulty, maps over the image, and the images that were answered worst."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from markupsafe import Markup

from pgt_lora.core.html import percent
from pgt_lora.core.html.charts import Mark, Series, Square, colors, grid, plot
from pgt_lora.data.directory import open_dataset
from pgt_lora.data.images import data_url, page_file
from pgt_lora.data.preview import first_of_each
from pgt_lora.data.sample import AnswerFormat
from pgt_lora.data.scene import Scene
from pgt_lora.data.tasks.task import Traits
from pgt_lora.data.weights import tasks
from pgt_lora.evaluation.paired import Items
from pgt_lora.studies.diagnose.figures import Item, accuracy, group_by
from pgt_lora.studies.diagnose.shares import Share

MAX_SINGLE = 10  # more different numbers than these are put into bins
NUM_BINS = 5  # with about as many images each
NUM_SHOWN = 18


@dataclass(frozen=True)
class Bin:
    """The accuracy on the images that are alike in one thing."""

    label: str
    right: Share


@dataclass(frozen=True)
class Axis:
    """Accuracy by one thing that may make an item hard; the bins of a number are in its order."""

    name: str
    is_number: bool
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class Cell:
    """A cell of a map: the accuracy on what lies there, and the answer that is given most."""

    column: int
    row: int
    right: Share
    vote: str | None


@dataclass(frozen=True)
class Map:
    """A map over the image, of `size` x `size` cells; `areas` are the answers to vote for, None where there is no vote.

    An object counts in the cell that its middle lies in; an image that asks about several objects counts in several.
    """

    size: int
    cells: tuple[Cell, ...]
    areas: tuple[str, ...] | None


def measure(items: Sequence[Item]) -> list[tuple[Item, Traits]]:
    """Return the items of which the scene is known, with what makes them hard."""
    known = tasks()
    found = []
    for item in items:
        task = known.get(item.row["task"])
        if task and task.traits and item.row["scene"]:
            found.append((item, task.traits(Scene.from_json(item.row["scene"]), item.made["question"])))
    return found


def axes(measured: Sequence[tuple[Item, Traits]]) -> list[Axis]:
    """Return the accuracy of one task by everything that may make its items hard."""
    if not measured:
        return []
    items, traits = [item for item, _ in measured], [each for _, each in measured]
    numbers = [_by_number(name, items, [each.numbers[name] for each in traits]) for name in traits[0].numbers]
    return [*numbers, *(_by_name(name, items, [each.names[name] for each in traits]) for name in traits[0].names)]


def _by_number(name: str, items: Sequence[Item], values: Sequence[float]) -> Axis:
    distinct = sorted(set(values))
    if len(distinct) <= MAX_SINGLE:
        groups = group_by(items, values)
        return Axis(name, True, tuple(Bin(f"{value:.3g}", accuracy(groups[value])) for value in distinct))
    edges = np.unique(np.quantile(values, np.linspace(0, 1, NUM_BINS + 1)))
    places = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2).tolist()
    groups = group_by(items, places)
    digits = 2 if np.diff(edges).min() > 0.02 else 3
    labels = [f"{low:.{digits}f}–{high:.{digits}f}" for low, high in pairwise(edges)]
    return Axis(name, True, tuple(Bin(labels[at], accuracy(groups[at])) for at in sorted(groups)))


def _by_name(name: str, items: Sequence[Item], values: Sequence[str]) -> Axis:
    groups = group_by(items, values)
    return Axis(name, False, tuple(Bin(value, accuracy(groups[value])) for value in sorted(groups)))


def image_map(measured: Sequence[tuple[Item, Traits]]) -> Map | None:
    """Return the map of one task's accuracy over the image, with votes where every answer is an area of it."""
    if not measured:
        return None
    size = measured[0][1].grid
    inside: dict[tuple[int, int], list[Item]] = {}
    for item, traits in measured:
        for cell in {(min(int(size * x), size - 1), min(int(size * y), size - 1)) for x, y in traits.places}:
            inside.setdefault(cell, []).append(item)
    areas = measured[0][0].row["choices"] if all(_locates(item, traits) for item, traits in measured) else None
    cells = tuple(Cell(*at, accuracy(items), _vote(items) if areas else None) for at, items in sorted(inside.items()))
    return Map(size, cells, tuple(sorted(areas)) if areas else None)


def _locates(item: Item, traits: Traits) -> bool:
    return len(traits.places) == 1 and item.row["answer_format"] == AnswerFormat.WORD


def _vote(items: Sequence[Item]) -> str | None:
    counts = Counter(item.made["parsed"] for item in items if item.made["parsed"] is not None)
    return counts.most_common(1)[0][0] if counts else None


def trends(found: Sequence[Axis]) -> list[str]:
    """Say in words where the bins in which a number is least and greatest differ surely (99.9% intervals)."""
    notes = []
    for axis in found:
        first, last = axis.bins[0], axis.bins[-1]
        if axis.is_number and (first.right.high < last.right.low or last.right.high < first.right.low):
            notes.append(
                f"{axis.name} {first.label}: {percent(first.right.value)}% right; {last.label}: "
                f"{percent(last.right.value)}%"
            )
    return notes


def axis_chart(axis: Axis, chance: float, color: str) -> Markup:
    """Draw the accuracy by bins of a number, with the images of each bin below it."""
    at = [(place + 0.5) / len(axis.bins) for place in range(len(axis.bins))]
    marks = [
        Mark(x, each.right.value, each.right.interval, f"{each.label}: {each.right.words}", 3.5)
        for x, each in zip(at, axis.bins, strict=True)
    ]
    labels = [f"{each.label}\nn = {each.right.total}" for each in axis.bins]
    title = f"Accuracy in percent by {axis.name}"
    return plot(title, [Series(marks, color)], list(zip(at, labels, strict=True)), chances=[(0, 1, chance)])


def accuracy_map(drawn: Map, color: str) -> Markup:
    """Draw the accuracy in percent over the image."""
    squares = [
        Square(each.column, each.row, each.right.value, each.right.words, f"{100 * each.right.value:.0f}")
        for each in drawn.cells
    ]
    return grid("Accuracy in percent over the image", drawn.size, squares, color)


def vote_map(drawn: Map) -> Markup:
    """Draw the answer that is given most in each cell, by its initials, with lines between the nine areas."""
    color_of = colors(drawn.areas or ())
    squares = [
        Square(each.column, each.row, 1, each.vote, "".join(word[0] for word in each.vote.split()), color_of[each.vote])
        for each in drawn.cells
        if each.vote
    ]
    lines = (drawn.size // 3, 2 * drawn.size // 3)
    return grid("The answer given most, over the image", drawn.size, squares, lines=lines)


@dataclass(frozen=True)
class Miss:
    """An image with what was asked of it and answered: predictions as `evaluate` writes them."""

    images: tuple[str, ...]
    task: str
    made: tuple[Mapping[str, Any], ...]


def misses(items: Items, answered: Sequence[Item]) -> list[Miss]:
    """Return the images with the fewest right answers, some of each task; of equals, those that come first."""
    indices: dict[str, list[int]] = {}
    for index, item in enumerate(answered):
        indices.setdefault(item.row["group"], []).append(index)
    right = {group: np.mean([answered[i].made["correct"] for i in each]) for group, each in indices.items()}
    worst = sorted((group for group in indices if right[group] < 1), key=right.__getitem__)
    chosen = first_of_each([answered[indices[group][0]].row["task"] for group in worst], NUM_SHOWN)
    rows = open_dataset(items.path)
    found = []
    for group in (worst[turn] for turn in chosen):
        row = rows[indices[group][0]]
        images = tuple(data_url(page_file(image, f"row {row['id']}")) for image in row["images"])
        made = tuple(answered[index].made for index in indices[group])
        found.append(Miss(images, made[0]["task"], made))
    return found
