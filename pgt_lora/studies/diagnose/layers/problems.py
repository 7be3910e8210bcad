"""What is to be predicted: the answers of rows that are asked alike, and the images that controls show instead."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from pgt_lora.core.streams import stream
from pgt_lora.data.directory import read_manifest
from pgt_lora.data.sample import AnswerFormat
from pgt_lora.data.split import cell_of
from pgt_lora.data.turns import question
from pgt_lora.studies.diagnose.layers.probe import NUM_FOLDS, Indices, Labels, folds_of
from pgt_lora.studies.diagnose.layers.sites import OF_IMAGE, Asked, Site, areas_of

MIN_IMAGES = NUM_FOLDS**2  # of each answer: some in every fold, and in every fold of the training folds
FEW = 4  # images of one question that stay together, or a twentieth of all


class Split(StrEnum):
    """What is never in training and test alike."""

    IMAGE = "image"
    CELL = "cell"  # the place of the object; of exhaustive sets


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows of one task and template with the same choices; `rows` are their places in the dataset.

    `labels` are the rows' answers and `images` their images. For each split, `groups` hold what stays together, `folds`
    the fold of each row, and `shuffled` the answers after the images of each fold changed theirs. `lent` is the place
    of the row whose image the control shows, and `num_objects` how many objects every row asks about, 0 where that
    differs or is not known.
    """

    task: str
    template: str
    answer_format: str
    rows: Indices
    labels: Labels
    images: Labels
    shuffled: Mapping[Split, Labels]
    groups: Mapping[Split, Labels]
    folds: Mapping[Split, Indices]
    lent: Indices
    num_objects: int

    @property
    def chance(self) -> float:
        """The share of the commonest answer."""
        return max(Counter(self.labels.tolist()).values()) / len(self.labels)

    def is_asked_at(self, site: Site) -> bool:
        """Tell whether the answer can stand at a site: the truth of a statement is nothing of an image alone."""
        if site == Site.OBJECTS and not self.num_objects:
            return False
        return site not in OF_IMAGE or self.answer_format != AnswerFormat.TRUE_FALSE


def has_every_cell(data: Path) -> bool:
    """Tell whether a dataset directory holds every item of its task, so that folds are drawn by cell, too."""
    return bool(read_manifest(data).get("asked", {}).get("exhaustive"))


def problems_of(rows: Sequence[Mapping[str, Any]], by_cell: bool) -> tuple[list[Problem], list[str]]:
    """Return the problems of a dataset's rows, without images, and in words what is left out, and why."""
    alike: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    left_out: Counter[str] = Counter()
    for place, row in enumerate(rows):
        if row["choices"]:
            alike[row["task"], row["template"], row["answer_format"], tuple(sorted(row["choices"]))].append(place)
        else:
            left_out[f"{row['task']}: its answers are no finite set"] += 1
    found = []
    for (task, template, answer_format, _), places in sorted(alike.items()):
        images: dict[str, set[str]] = defaultdict(set)
        for place in places:
            images[rows[place]["answer"]].add(rows[place]["group"])
        if len(images) < 2 or min(map(len, images.values())) < MIN_IMAGES:
            left_out[f"{task}, template {template}: under {MIN_IMAGES} images of an answer among the same choices"] += (
                len(places)
            )
        else:
            found.append(_problem(task, template, answer_format, rows, places, by_cell))
    return found, [f"Not probed: {number:,} rows of {why}" for why, number in left_out.items()]


def not_asked(problems: Sequence[Problem], sites: Sequence[Site]) -> list[str]:
    """Say which tasks are not probed at a site, and why."""
    found = {}
    for problem in problems:
        for site in (each for each in sites if not problem.is_asked_at(each)):
            of_image = problem.answer_format != AnswerFormat.TRUE_FALSE
            why = "how many objects are asked about differs, or no scene tells" if of_image else "asked of a statement"
            found[problem.task, problem.template, site] = (
                f"Not probed at {site.value}: {problem.task}, template {problem.template}: {why}"
            )
    return list(found.values())


def _problem(
    task: str, template: str, answer_format: str, rows: Sequence[Mapping[str, Any]], places: Sequence[int],
    by_cell: bool,
) -> Problem:  # fmt: skip
    labels = np.array([rows[place]["answer"] for place in places])
    units = np.array([rows[place]["group"] for place in places])
    name = "/".join((task, template, *sorted(set(labels.tolist()))))
    first = {unit: place for place, unit in reversed(list(enumerate(units.tolist())))}
    partner = _partners(list(first), name)
    areas = [areas_of(rows[place]) for place in places]
    groups = {Split.IMAGE: _joined(units, [question(rows[place]) for place in places])}
    if by_cell and set(map(len, areas)) == {1}:
        groups[Split.CELL] = np.array([str(cell_of(rows[place])) for place in places])
    numbers = set(map(len, areas))
    folds = {split: folds_of(labels, each, name) for split, each in groups.items()}
    return Problem(
        task, template, answer_format, np.array(places), labels, units,
        shuffled={split: _shuffled(labels, units, groups[split], each, name) for split, each in folds.items()},
        groups=groups,
        folds=folds,
        lent=np.array([places[first[partner[unit]]] for unit in units.tolist()]),
        num_objects=numbers.pop() if len(numbers) == 1 else 0,
    )  # fmt: skip


def _joined(units: Labels, texts: Sequence[str]) -> Labels:
    """Return the images, those as one that share a question with few others.

    Such images differ in the answer. With one in training and one in the test, the words alone would lead to the wrong
    answer, and every probe would fall below chance.
    """
    asked: dict[str, set[str]] = defaultdict(set)
    for unit, text in zip(units.tolist(), texts, strict=True):
        asked[text].add(unit)
    few = max(FEW, len(set(units.tolist())) // 20)
    joined = {unit: {unit} for unit in units.tolist()}
    for images in asked.values():
        if 1 < len(images) <= few:
            whole = set().union(*(joined[image] for image in images))
            joined |= dict.fromkeys(whole, whole)
    return np.array([min(joined[unit]) for unit in units.tolist()])


def _shuffled(labels: Labels, units: Labels, groups: Labels, folds: Indices, name: str) -> Labels:
    """Return the labels after the groups of each fold that are alike in size changed theirs, each with another one.

    A group keeps labels that belong together, such as the two of a pair, so that the control scatters as the figure
    does, and every fold keeps its share of each label.
    """
    label_of = dict(zip(units.tolist(), labels.tolist(), strict=True))
    images: dict[tuple[int, str], list[str]] = defaultdict(list)
    for (fold, group), unit in dict.fromkeys(
        zip(zip(folds.tolist(), groups.tolist(), strict=True), units.tolist(), strict=True)
    ):
        images[fold, group].append(unit)
    alike: dict[tuple[int, int], list[list[str]]] = defaultdict(list)
    for (fold, _), each in images.items():
        alike[fold, len(each)].append(each)
    changed: dict[str, str] = {}
    for key, members in alike.items():
        rng = stream(0, "layers", "shuffled", name, *key)
        given = [[label_of[unit] for unit in each] for each in members]
        rng.shuffle(given)
        for each, answers in zip(members, given, strict=True):
            rng.shuffle(answers)
            changed |= zip(each, answers, strict=True)
    return np.array([changed[unit] for unit in units.tolist()])


def _partners(units: list[str], name: str) -> dict[str, str]:
    """Return another image for every image, at random: so its answer says nothing of the answer of the first."""
    order = units.copy()
    stream(0, "layers", "partners", name).shuffle(order)
    return dict(zip(order, [*order[1:], order[0]], strict=True))


def readings(problems: Sequence[Problem], rows: Sequence[Mapping[str, Any]], swapped: bool) -> list[Asked]:
    """Return what is read for the problems, one behind the other: each row with its image, or with the control's.

    In the control's image, the objects that are asked about there come first, then the places of the row's own.
    """
    found = []
    for problem in problems:
        for place, lent in zip(problem.rows.tolist(), problem.lent.tolist(), strict=True):
            own, other = (areas_of(rows[each]) if problem.num_objects else () for each in (place, lent))
            found.append(Asked(place, lent, (*other, *own)) if swapped else Asked(place, place, own))
    return found
