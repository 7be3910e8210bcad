"""What the comparison's page draws: confusion matrices, maps, and items won and lost."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pgt_lora.data.directory import open_dataset
from pgt_lora.data.images import data_url, page_file
from pgt_lora.data.preview import first_of_each
from pgt_lora.data.sample import AnswerFormat, parse_point
from pgt_lora.data.tasks import absolute_position
from pgt_lora.data.tasks.absolute_position import AREAS, area_of
from pgt_lora.evaluation.paired import Result
from pgt_lora.evaluation.statistics import Floats
from pgt_lora.studies.diagnose.charts import Map, image_map, measure
from pgt_lora.studies.diagnose.figures import Item

MAX_LABELS = 12
NUM_SHOWN = 6  # items won, and as many lost, of each evaluation set
OTHER, NONE = "other", "unread"


@dataclass(frozen=True)
class Matrix:
    """How often which answer was given (`columns`) where which was right (`rows`), over all seeds of an arm."""

    arm: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


def confusion(result: Result, task: str) -> list[Matrix]:
    """Return one matrix per arm. Points count by the ninth of the image that they lie in."""
    right = Counter(_label(row["answer"], row["answer_format"]) for row in result.items.rows if row["task"] == task)
    kept = sorted((label for label, _ in right.most_common(MAX_LABELS)), key=_natural)
    spelling = {label.casefold(): label for label in kept}
    matrices = []
    for arm, seeds in result.predictions.items():
        counts: Counter[tuple[str, str]] = Counter()
        for predictions in seeds:
            for row, made in zip(result.items.rows, predictions, strict=True):
                if row["task"] == task:
                    given = NONE if made["parsed"] is None else _label(made["parsed"], row["answer_format"])
                    expected = spelling.get(_label(row["answer"], row["answer_format"]).casefold(), OTHER)
                    counts[expected, given if given == NONE else spelling.get(given.casefold(), OTHER)] += 1
        rows = [*kept, OTHER] if len(right) > len(kept) else kept
        answered = [*kept, OTHER] if any(given == OTHER for _, given in counts) else kept
        columns = (*answered, NONE)
        matrices.append(
            Matrix(arm, tuple(rows), columns, tuple(tuple(counts[row, each] for each in columns) for row in rows))
        )
    return matrices


def _label(answer: str, answer_format: str) -> str:
    if answer_format != AnswerFormat.POINT:
        return answer
    point = parse_point(answer)
    return area_of(*point) if point else "outside"


def _natural(label: str) -> tuple[int, str]:
    if label in AREAS:
        return AREAS.index(label), label
    return (int(label), "") if label.isdecimal() else (10**9, label)


def area_maps(result: Result) -> dict[str, Map]:
    """Return, by arm, where in the image it is right and what it answers there; none where not all ask for an area."""
    if result.items.tasks != (absolute_position.TASK.name,):
        return {}
    maps = {}
    for arm, seeds in result.predictions.items():
        answered = (zip(result.items.rows, predictions, strict=True) for predictions in seeds)
        drawn = image_map(measure([Item(row, made) for each in answered for row, made in each]))
        if drawn and drawn.areas:
            maps[arm] = drawn
    return maps


@dataclass(frozen=True)
class Example:
    """An item that one arm of two answers better: its images and both answers, those of the first seed that differs."""

    images: tuple[str, ...]
    task: str
    question: str
    expected: str
    arm_output: str
    reference_output: str


def won_and_lost(result: Result, arm: str, reference: str) -> tuple[list[Example], list[Example]]:
    """Return the first items of each task that an arm answers right where the reference is wrong, and the reverse."""
    difference = result.right(arm) - result.right(reference)
    rows = open_dataset(result.items.path)

    def examples(gain: Floats) -> list[Example]:
        chosen = [index for index, each in enumerate(gain.mean(0)) if each > 0]
        turns = first_of_each([result.items.rows[index]["task"] for index in chosen], NUM_SHOWN)
        found = []
        for index in (chosen[turn] for turn in turns):
            seed = int(gain[:, index].argmax())
            both = (result.predictions[each] for each in (arm, reference))
            found.append(_example(rows[index], *(each[min(seed, len(each) - 1)][index] for each in both)))
        return found

    return examples(difference), examples(-difference)


def _example(row: Mapping[str, Any], made: Mapping[str, Any], other: Mapping[str, Any]) -> Example:
    return Example(
        tuple(data_url(page_file(image, f"row {row['id']}")) for image in row["images"]),
        made["task"],
        made["question"],
        made["expected"],
        made["output"],
        other["output"],
    )
