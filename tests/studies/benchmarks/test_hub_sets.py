"""Benchmarks with their images in them, and the boxes of CV-Bench-3D."""

import json
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset

from pgt_lora.core.errors import InputError
from pgt_lora.data.sources.source import SourceSettings
from pgt_lora.studies.benchmarks import hub_sets
from pgt_lora.studies.benchmarks.boxes import boxes_of_choices, chosen_wrongly
from pgt_lora.studies.benchmarks.paper_forms import FORMS
from tests.support.benchmark_copies import NEARER
from tests.support.recorded_logs import item

SETTINGS = SourceSettings()
CORNERS = [[0.0, 10.0, 40.0, 50.0], [100.0, 0.0, 110.0, 10.0]]
SIZED = [[0.0, 10.0, 40.0, 40.0], [100.0, 0.0, 10.0, 10.0]]
DISTANCE = (
    "Estimate the real-world distances between objects in this image. Which object is closer to the desk (highlighted "
    "by a red box), the shelves (highlighted by a blue box) or the books (highlighted by a green box)?"
)


def table(path: Path, **columns: list[Any]) -> Path:
    Dataset.from_dict({"image": [b"x"] * len(next(iter(columns.values()))), **columns}).to_parquet(path)
    return path


@pytest.mark.parametrize("drawn", [CORNERS, SIZED, json.dumps(CORNERS)], ids=["corners", "sizes", "text"])
def test_boxes_are_read_by_their_colors_in_either_form(drawn: Any) -> None:
    asked = [(NEARER, ("door", "books")), (NEARER, ("books", "door"))]
    found = boxes_of_choices(asked, [drawn, drawn])
    assert found == [
        {"A": (0, 10, 40, 40), "B": (100, 0, 10, 10)},
        {"A": (100, 0, 10, 10), "B": (0, 10, 40, 40)},
    ]


def test_of_three_boxes_the_first_is_no_choice_and_what_does_not_fit_is_not_known() -> None:
    three = [*CORNERS, [5.0, 5.0, 6.0, 6.0]]
    (found,) = boxes_of_choices([(DISTANCE, ("shelves", "books"))], [three])
    assert found == {"A": (100, 0, 10, 10), "B": (5, 5, 1, 1)}
    odd: list[Any] = [None, "", [], [[1, 2, 3]], three, "x", [CORNERS[0]], 7]
    assert boxes_of_choices([(NEARER, ("door", "books"))] * len(odd), odd) == [None] * len(odd)
    assert boxes_of_choices([(NEARER, ("door", "lamp")), ("How many?", ("1", "2"))], [CORNERS] * 2) == [None] * 2


def test_wrong_answers_are_counted_for_each_shortcut_and_its_opposite() -> None:
    boxes = {"A": (0.0, 10.0, 40.0, 40.0), "B": (100.0, 0.0, 10.0, 10.0)}  # A is larger and lower
    answers = [("A", "A"), ("A", "B"), ("B", "A"), ("B", "A"), ("B", None), ("B", "B")]
    items = [item(said == right, "Depth", expected=right, parsed=said, boxes=boxes) for right, said in answers]
    alike = item(True, "Depth", expected="A", parsed="B", boxes=dict.fromkeys("AB", boxes["A"]))
    found = chosen_wrongly([*items, alike, item(False, "Depth")])
    two, four = {"items": 2, "chosen": 1}, {"items": 4, "chosen": 2}
    assert found == {"Depth": {"larger": four, "smaller": two, "higher": two, "lower": four}}
    assert chosen_wrongly([item(False)]) == {}


def test_pope_and_ai2d_are_read_from_the_hubs_files_and_the_originals(tmp_path: Path) -> None:
    path = table(
        tmp_path / "test-0.parquet", question=["Is it red? "] * 2, answer=["yes", "no"], category=["popular"] * 2,
        image_source=["COCO_val2014_000000310196", "COCO_val2014_000000310197"],
    )  # fmt: skip
    rows = hub_sets.read_pope(path, "test", SETTINGS).rows
    assert [(row.answer, row.group, row.kind) for row in rows] == [
        ("Yes", "coco:310196", "popular"), ("No", "coco:310197", "popular"),
    ]  # fmt: skip
    path = table(tmp_path / "a.parquet", question=["Which?"], options=[["one", "two", "three"]], answer=["2"])
    (row,) = hub_sets.read_ai2d(path, "test", SETTINGS).rows
    assert (row.answer, row.options, row.images[0].index) == ("C", ("one", "two", "three"), 0)
    original = tmp_path / "ai2d" / "questions" / "0.png.json"
    original.parent.mkdir(parents=True)
    about = {"answerTexts": ["a", "b"], "correctAnswer": 1}
    original.write_text(json.dumps({"imageName": "0.png", "questions": {"Which?": about, "What?": about}}))
    rows = hub_sets.read_ai2d(original, "test", SETTINGS).rows
    assert [(row.id, row.answer, row.group) for row in rows] == [
        ("ai2d-0.png-0", "B", "ai2d:0.png"), ("ai2d-0.png-1", "B", "ai2d:0.png"),
    ]  # fmt: skip
    assert rows[0].images[0].path == str(tmp_path / "ai2d" / "images" / "0.png")


def test_another_schema_is_refused_by_row(tmp_path: Path) -> None:
    good = {"type": ["3D"], "task": ["Depth"], "question": [NEARER], "choices": [["door", "books"]], "answer": ["(A)"]}
    read = hub_sets.read_cv_bench("3D")
    (row,) = read(table(tmp_path / "0.parquet", **good), "test", SETTINGS).rows
    assert (row.answer, row.kind, row.boxes) == ("A", "Depth", None)  # type: ignore[attr-defined]
    assert hub_sets.read_cv_bench("2D")(tmp_path / "0.parquet", "test", SETTINGS).rows == ()
    for changed, says in (
        ({"answer": ["(C)"]}, "row 1: the answer 'C' is not a letter of the 2 options"),
        ({"choices": [["door"]]}, "row 1: 1 choices"),
        ({"question": [7]}, "row 1: question is 7"),
    ):
        with pytest.raises(InputError, match=says.replace("(", r"\(")):
            read(table(tmp_path / "1.parquet", **(good | changed)), "test", SETTINGS)
    del good["answer"]
    with pytest.raises(InputError, match="no column 'answer'; it has image, type"):
        read(table(tmp_path / "2.parquet", **good), "test", SETTINGS)
    with pytest.raises(InputError, match="neither yes nor no"):
        hub_sets.read_pope(table(tmp_path / "3.parquet", question=["?"], answer=["maybe"]), "test", SETTINGS)
    with pytest.raises(InputError, match="not a number of the 2 options"):
        path = table(tmp_path / "4.parquet", question=["?"], options=[["a", "b"]], answer=["2"])
        hub_sets.read_ai2d(path, "test", SETTINGS)
    folder = tmp_path / hub_sets.GQA_QUESTIONS
    folder.mkdir()
    with pytest.raises(InputError, match="no image 'n1' in"):
        path = table(folder / "t.parquet", id=["1"], imageId=["n1"], question=["?"], answer=["red"])
        hub_sets.read_gqa(path, "test", SETTINGS)


def test_a_count_above_fifteen_is_skipped_and_counted(tmp_path: Path) -> None:
    image = "val2014/COCO_val2014_000000000042.jpg"
    entries = [{"answer": answer, "image": image, "question": "How many?"} for answer in (15, 16)]
    (tmp_path / "test.json").write_text(json.dumps(entries))
    found = FORMS["tallyqa"].source.read(tmp_path / "test.json", "test", SETTINGS)
    assert ([row.answer for row in found.rows], dict(found.skipped)) == (["15"], {"answer above 15": 1})
