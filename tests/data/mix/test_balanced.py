"""COCO's absolute position in a mix: balanced, whole, of the test split, and left out by its images."""

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.core.terminal import console
from pgt_lora.data.directory import read_manifest
from pgt_lora.data.mix.draw import ordered
from pgt_lora.data.mix.pools import Candidate
from pgt_lora.data.scene import Scene
from pgt_lora.evaluation.paired import read_items
from pgt_lora.studies.diagnose.charts import image_map, measure
from pgt_lora.studies.diagnose.figures import Item
from tests.support.mixes import mixed, rows
from tests.support.originals import coco, put


def candidates(strata: list[tuple[str, ...]]) -> list[Candidate]:
    return [Candidate(str(n), str(n), n, "", (), lambda files: None, each) for n, each in enumerate(strata)]  # type: ignore[arg-type, return-value]


def test_the_first_ones_are_as_even_as_can_be() -> None:
    names = [f"kind {n}" for n in range(5)]
    strata = [(area, name) for area in "abc" for name in names for _ in range(20 if area == "a" else 3)]
    strata += [("d", names[0])] * 4  # an area in which little is found, and of one kind
    order = ordered(random.Random(0), candidates(strata), balanced=True)
    assert sorted(each.id for each in order) == sorted(each.id for each in candidates(strata))
    for number in (4, 8, 16, 19):  # the fourth area has four
        areas = Counter(each.strata[0] for each in order[:number])
        assert max(areas.values()) - min(areas[area] for area in "abc") <= 1
        assert areas["d"] in (number // 4, min(4, number // 4 + 1))
    taken = Counter(each.strata[1] for each in order[:34])
    assert max(taken.values()) - min(taken.values()) <= 1
    assert max(Counter(each.strata for each in order[:34] if each.strata[0] != "d").values()) <= 3
    assert order != ordered(random.Random(1), candidates(strata), balanced=True)
    with pytest.raises(InputError, match="--balanced: only rows of coco_position"):
        ordered(random.Random(0), candidates([()]), balanced=True)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Write annotations of both splits and an image for each of their rows."""
    middles = [(15, 15), *[(45, 45)] * 6, (75, 15), (15, 75)]
    for folder, first in (("train2017", 100), ("val2017", 500)):
        images = {first + number: (90, 90) for number in range(9)}
        boxes = [
            (first + number, name, [x - 5.0, y - 5.0, 10.0, 10.0], 0)
            for number, (x, y) in enumerate(middles)
            for name in ("cup", "traffic light")
        ]
        text = json.dumps(coco(images, boxes)).replace("train2017", folder)
        (tmp_path / f"instances_{folder}.json").write_text(text)
        for number in images:
            put(tmp_path / folder / f"{number:012d}.jpg", number)
    return tmp_path


def made(directory: Path, out: str, num_samples: int | None, **asked: Any) -> list[dict[str, Any]]:
    with console.capture():
        mixed(
            directory / out, num_samples=num_samples, seed=0, annotations={"coco_position": directory},
            image_root=directory, cache=directory / "cache", **{"shares": {"coco_position": 1.0}, **asked},
        )  # fmt: skip
    return rows(directory / out)


def test_a_balanced_subset_has_every_area_alike(directory: Path) -> None:
    drawn = made(directory, "a", 8, balanced=True)
    assert set(Counter(row["answer"] for row in drawn).values()) == {2}
    names = Counter(row["prompt"][0]["content"].split("?")[0].partition("Where is the ")[2] for row in drawn)
    assert names == {"cup": 4, "traffic light": 4}
    assert read_manifest(directory / "a")["asked"]["balanced"]
    assert Counter(row["answer"] for row in made(directory, "b", 8)) != {"top left": 2}
    with pytest.raises(InputError, match="--balanced"):
        made(directory, "c", 2, shares={"pgt": 1.0, "coco_position": 1.0}, balanced=True)


def test_the_whole_test_split_keeps_places_from_which_maps_are_drawn(directory: Path) -> None:
    drawn = made(directory, "a", None, split="test")
    assert len(drawn) == 18
    assert {row["group"] for row in drawn} == {f"coco:{500 + number}" for number in range(9)}
    assert {Scene.from_json(row["scene"]).canvas.width for row in drawn} == {90}
    items = read_items("COCO", directory / "a")
    answered = [
        Item(row, {"question": "", "parsed": "center", "correct": row["answer"] == "center"}) for row in items.rows
    ]
    chart = image_map(measure(answered))
    assert chart and chart.areas
    cells = {(cell.column, cell.row): cell for cell in chart.cells}
    assert cells.keys() == {(1, 1), (4, 4), (7, 1), (1, 7)}
    assert (cells[4, 4].right.value, cells[1, 1].right.value, cells[1, 7].vote) == (1, 0, "center")


def test_what_cannot_be_drawn_is_told(directory: Path) -> None:
    with pytest.raises(InputError, match=r"--all: .* one built-in source \(coco_position, .*give --num-samples"):
        made(directory, "a", None, shares={"vsr": 1.0, "coco_position": 1.0})
    with pytest.raises(InputError, match="there are no more questions"):
        made(directory, "a", 19)
    with pytest.raises(InputError, match="known: test, train"):
        made(directory, "a", 3, split="val")
    assert not (directory / "a").exists()


def test_images_of_the_test_split_are_left_out_by_its_name(directory: Path) -> None:
    text = (directory / "instances_train2017.json").read_text()
    # One photograph of the training split is, under the same id, one of the test split.
    (directory / "instances_train2017.json").write_text(text.replace("000000000100", "000000000500"))
    drawn = made(directory, "a", None, exclude=["coco_position"])
    assert "coco:500" not in {row["group"] for row in drawn}
    assert read_manifest(directory / "a")["sources"]["coco_position"]["removed"] == {"image in coco_position test": 2}
