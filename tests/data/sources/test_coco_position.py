"""COCO's absolute position, on small files of its schema with the cases that decide which questions there are."""

import io
import json
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.scene import Scene
from pgt_lora.data.sources import coco_position
from pgt_lora.data.sources.coco_position import Published
from pgt_lora.data.sources.source import Crowds, SourceSettings
from pgt_lora.data.tasks.absolute_position import AREAS
from pgt_lora.data.weights import tasks
from tests.support.discovered import SOURCES
from tests.support.originals import coco
from tests.support.source_rows import ask, read

IMAGES = {296471: (600, 300), 42: (400, 100), 7: (90, 90)}
BOXES: list[tuple[int, str, list[float], int]] = [
    (296471, "dog", [10.0, 10.0, 100.0, 50.0], 0),
    (296471, "person", [0.0, 0.0, 50.0, 50.0], 0),  # two of a kind
    (296471, "person", [300.0, 0.0, 50.0, 50.0], 0),
    (296471, "sheep", [500.0, 200.0, 40.0, 40.0], 0),  # beside a crowd of its kind
    (296471, "sheep", [0.0, 100.0, 400.0, 200.0], 1),
    (296471, "bird", [0.0, 0.0, 600.0, 30.0], 1),  # a crowd alone
    (42, "traffic light", [390.0, 90.0, 10.0, 10.0], 0),  # a name with a space, in an image of 4:1
    (7, "cup", [25.0, 55.0, 10.0, 10.0], 0),  # its middle is where four areas meet
]


def write(path: Path, tree: Any) -> Path:
    path.write_text(json.dumps(tree), encoding="utf-8")
    return path


@pytest.fixture
def original(tmp_path: Path) -> Path:
    return write(tmp_path / "instances_train2017.json", coco(IMAGES, BOXES))


def answers(path: Path, crowds: Crowds) -> dict[str, str]:
    return {row.question: row.answer for row in read("coco_position", path, crowds=crowds)}


def test_a_question_is_asked_where_there_is_one_of_a_kind(original: Path) -> None:
    told = {"dog": "top left", "traffic light": "bottom right", "cup": "bottom center"}
    assert answers(original, Crowds.EXCLUDE) == told
    assert answers(original, Crowds.IGNORE) == told | {"sheep": "bottom right"}
    assert answers(original, Crowds.COUNT) == told | {"bird": "top center"}
    skipped = SOURCES["coco_position"].read(original, "train", SourceSettings()).skipped
    assert skipped == {"several of its kind": 1, "a crowd of its kind": 2}


def test_a_middle_on_a_line_lies_right_of_it_and_below_it(tmp_path: Path) -> None:
    boxes = [(1, f"{x} {y}", [x - 5.0, y - 5.0, 10.0, 10.0], 0) for x in (20, 30, 60) for y in (20, 30, 60)]
    path = write(tmp_path / "a.json", coco({1: (90, 90)}, boxes))
    assert [row.answer for row in read("coco_position", path)] == [
        AREAS[3 * row + column] for column in range(3) for row in range(3)
    ]


def test_the_question_is_the_paper_s_and_keeps_its_place(original: Path) -> None:
    row = next(row for row in read("coco_position", original) if row.question == "traffic light")
    asked = [ask("coco_position", row, index) for index in range(20)]
    assert all(each.answer == "bottom right" and sorted(each.choices) == sorted(AREAS) for each in asked)
    assert len({each.choices for each in asked}) > 10  # the order of the options is drawn
    assert asked[0].text == (
        "Answer with as few words as possible. Where is the traffic light? "
        f"Choose from [{', '.join(asked[0].choices)}]."
    )
    assert row.group == "coco:42"
    assert [(each.store, each.path) for each in row.images] == [("coco", "train2017/000000000042.jpg")]
    task = tasks()[row.kind]
    assert row.scene and task.traits
    traits = task.traits(Scene.from_json(row.scene), asked[0].text)
    assert traits.places == ((395 / 400, 95 / 100),)
    assert (traits.names, traits.grid) == ({"name": "traffic light"}, 9)
    assert traits.numbers == {"share of the image": 100 / 40_000}
    (region,) = Scene.from_json(row.scene).regions
    assert (region.left, region.top, region.width, region.height) == (390, 90, 10, 10)


def test_the_archive_is_read_as_the_file_in_it(original: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "annotations_trainval2017.zip", "w") as archive:
        archive.write(original, f"annotations/{original.name}")
        archive.writestr("annotations/captions_train2017.json", "{}")
    assert read("coco_position", tmp_path / "annotations_trainval2017.zip") == read("coco_position", original)
    with pytest.raises(InputError, match=r"no instances_val2017\.json"):
        read("coco_position", tmp_path / "annotations_trainval2017.zip", "test")


@pytest.mark.parametrize(
    ("published", "crowds", "says"),
    [
        (Published(3, 3, 3), Crowds.EXCLUDE, "3 questions on 3 images, as published"),
        (Published(3, 4, 3), Crowds.EXCLUDE, "published are 4 on 3. --crowds ignore fits: ignore 4 on 3, count 4 on 3"),
        (Published(3, 9, 3), Crowds.COUNT, "no reading of crowds fits: exclude 3 on 3, ignore 4 on 3"),
        (Published(4, 9, 3), Crowds.EXCLUDE, None),  # a part of the file says nothing
    ],
)
def test_the_whole_file_is_compared_with_what_the_paper_counts(
    original: Path, monkeypatch: pytest.MonkeyPatch, published: Published, crowds: Crowds, says: str | None
) -> None:
    monkeypatch.setitem(coco_position.PUBLISHED, "train", published)
    notes = SOURCES["coco_position"].read(original, "train", SourceSettings(crowds=crowds)).notes
    assert len(notes) == (says is not None)
    assert not says or says in notes[0]


def test_the_published_counts_are_the_paper_s() -> None:
    counts = [(each.questions, each.images) for each in coco_position.PUBLISHED.values()]
    assert counts == [(201_358, 95_899), (8_548, 4_109)]


def changed(change: Any) -> Any:
    tree = coco(IMAGES, BOXES)
    change(tree)
    return tree


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda tree: tree.pop("categories"), "not COCO's object annotations"),
        (lambda tree: tree["annotations"][0].update(bbox=[1, 2, 3]), "annotation 1000: bbox is .* not four numbers"),
        (
            lambda tree: tree["annotations"][0].update(bbox=[900, 2, 3, 4]),
            "annotation 1000: the center of bbox .* outside",
        ),
        (lambda tree: tree["annotations"][0].update(image_id=5), "annotation 1000: its image, category or iscrowd"),
        (lambda tree: tree["annotations"][0].update(iscrowd=2), "annotation 1000: its image, category or iscrowd"),
        (lambda tree: tree["annotations"][0].pop("iscrowd"), "annotation 1000: iscrowd is None"),
        (lambda tree: tree["images"][0].update(file_name="../x.jpg"), "points outside"),
        (lambda tree: tree["images"][0].update(coco_url="x/val2017/1.jpg"), "not in train2017"),
    ],
)
def test_what_is_not_the_original_is_named(tmp_path: Path, change: Any, says: str) -> None:
    path = write(tmp_path / "instances_train2017.json", changed(change))
    with pytest.raises(InputError, match=says) as refused:
        read("coco_position", path)
    assert str(path) in str(refused.value)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (path := tmp_path / "a.json").write_text("{")
    with pytest.raises(InputError, match="download the file again"):
        read("coco_position", path)
    (broken := tmp_path / "a.zip").write_bytes(io.BytesIO(b"PK").getvalue())
    with pytest.raises(InputError, match="download the file again"):
        read("coco_position", broken)


def test_outlines_are_not_kept(original: Path) -> None:
    tree = coco_position._tree(original, "train")  # of the train split they would take gigabytes
    assert all("segmentation" not in entry for entry in tree["annotations"])


def test_the_order_of_options_depends_on_the_draw_alone(original: Path) -> None:
    row = read("coco_position", original)[0]
    assert SOURCES["coco_position"].ask(Random(3), row) == SOURCES["coco_position"].ask(Random(3), row)
