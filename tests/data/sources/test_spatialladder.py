"""SpatialLadder, on small files of its schema with the traps of the original in them."""

from pathlib import Path
from typing import Any

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.sources.source import ImageRef, SourceSettings
from pgt_lora.data.sources.spatialladder import letter_of
from tests.support.discovered import SOURCES
from tests.support.originals import QUESTION, ladder, lines
from tests.support.source_rows import ask, read


def test_spatialladder_keeps_what_is_asked_for(tmp_path: Path) -> None:
    views = ["images/scene0022_00/1.jpg", "images/scene0022_01/2.jpg"]
    entries = [
        ladder(),
        ladder(answer="B", image=["images/scene0022_01/3.jpg"]),
        ladder(data_type="multi_view", image=views),
        ladder(data_type="video", image=views),
        ladder(question_type="absolute distance", options=None, answer="1.5", question="How far, in meters?"),
        ladder(question_type="object size", options=None, answer="80"),
    ]
    path = lines(tmp_path / "spld_spatial_data.jsonl", entries)
    annotations = SOURCES["spatialladder"].read(path, "train", SourceSettings())
    assert [(row.answer, row.group) for row in annotations.rows] == [
        ("A.", "scannet:scene0022"),
        ("B", "scannet:scene0022"),
    ]
    assert annotations.rows[1].images == (ImageRef("spatialladder", "scene0022_01/3.jpg"),)
    assert annotations.skipped == {
        "relative distance, multi_view": 1, "relative distance, video": 1, "absolute distance, single_image": 1,
        "object size, single_image": 1,
    }  # fmt: skip
    every = read("spatialladder", path, absolute_distance=True, multi_view=True)
    assert [len(row.images) for row in every] == [1, 1, 2, 1]
    assert [row.kind for row in every] == ["spatialladder"] * 3 + ["spatialladder-absolute"]
    absolute = ask("spatialladder", every[3], 0)
    assert (absolute.text, absolute.answer) == ("How far, in meters? Answer with the number directly", "1.5")


def test_spatialladder_is_read_as_its_own_reader_does(tmp_path: Path) -> None:
    """A placeholder in the question, no options written as [], and a row that does not say how many views it has."""
    entries = [
        ladder(question=f"<image>\n{QUESTION}"),
        ladder(question_type="absolute distance", options=[], answer="1.5", question="How far, in meters?"),
        {name: value for name, value in ladder().items() if name != "data_type"},
    ]
    rows = read("spatialladder", lines(tmp_path / "a.jsonl", entries), absolute_distance=True)
    assert [row.question for row in rows] == [QUESTION, "How far, in meters?", QUESTION]
    assert [row.options is None for row in rows] == [False, True, False]


@pytest.mark.parametrize(("gold", "letter"), [("A.", "A"), ("A", "A"), ("(B)", "B"), ("B. pillow", "B")])
def test_spatialladder_keeps_its_own_format(tmp_path: Path, gold: str, letter: str) -> None:
    (row,) = read("spatialladder", lines(tmp_path / "a.jsonl", [ladder(answer=gold)]))
    question = ask("spatialladder", row, 0)
    assert question.text == (
        f"{QUESTION} A. tv B. pillow Answer with the option's letter from the given choices directly."
    )
    assert (question.answer, question.choices) == (letter, ("A", "B"))
    assert SOURCES["spatialladder"].written(row) == gold


def test_options_that_stand_in_the_question_are_not_repeated(tmp_path: Path) -> None:
    text = f"{QUESTION} A. tv B. pillow Answer with the option's letter."
    (row,) = read("spatialladder", lines(tmp_path / "a.jsonl", [ladder(question=text)]))
    assert ask("spatialladder", row, 0).text == text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"question_type": None}, "question_type is None"),
        ({"answer": "C"}, "names none"),
        ({"answer": "tv"}, "names none"),
        ({"answer": None}, "answer is None"),
        ({"options": ["tv", "pillow"]}, "names none"),
        ({"options": ["A. tv", "A. pillow"]}, "names none"),
        ({"options": None}, "options None"),
        ({"options": []}, "options None"),
        ({"image": []}, "0 images"),
        ({"image": "scene0022_00/1760.jpg"}, "image is"),
        ({"image": ["../x.jpg"]}, "points outside"),
    ],
)
def test_spatialladder_rows_of_another_schema_are_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = lines(tmp_path / "a.jsonl", [ladder(), ladder(**change)])
    with pytest.raises(InputError, match=message) as refused:
        read("spatialladder", path)
    assert f"{path}, line 2" in str(refused.value)


def test_an_article_is_no_letter() -> None:
    assert letter_of("A table") is None
    assert letter_of("A. table") == letter_of("A)") == letter_of(" A: x") == "A"
