"""What the comparison's page draws: maps, and items won and lost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pgt_lora.data.directory import open_dataset
from pgt_lora.data.images import data_url, page_file
from pgt_lora.data.preview import first_of_each
from pgt_lora.data.tasks import absolute_position
from pgt_lora.evaluation.paired import Result
from pgt_lora.evaluation.statistics import Floats
from pgt_lora.studies.diagnose.charts import Map, image_map, measure
from pgt_lora.studies.diagnose.figures import Item

NUM_SHOWN = 6  # items won, and as many lost, of each evaluation set


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
