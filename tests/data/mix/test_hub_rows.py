"""Rows of datasets on the Hub."""

from pathlib import Path

import pytest
from datasets import Dataset, Image, List

from pgt_lora.core.errors import InputError
from pgt_lora.data.mix.hub_rows import candidates
from pgt_lora.data.sample import Sample
from pgt_lora.evaluation.reading import parse
from pgt_lora.evaluation.scoring import correct
from tests.support.image_files import REFUSED
from tests.support.originals import jpeg


def test_rows_of_the_hub(tmp_path: Path) -> None:
    picture = {"bytes": jpeg(1), "path": None}
    turns = {
        "prompt": [[{"role": "user", "content": "How many?"}]],
        "completion": [[{"role": "assistant", "content": "2"}]],
    }
    many = Dataset.from_dict(turns | {"images": [[picture]]}).cast_column("images", List(Image()))
    plain = Dataset.from_dict({"prompt": ["How many?"], "completion": ["2"], "image": [picture], "group": ["coco:5"]})
    for dataset, group in ((many, "me/data:0"), (plain.cast_column("image", Image()), "coco:5")):
        (candidate,) = candidates(dataset, "me/data")
        sample = candidate.make(())
        assert (sample.id, candidate.group, sample.group) == ("me/data-000000", group, group)
        assert (sample.question, sample.answer, sample.images) == ("How many?", "2", (jpeg(1),))
        assert sample.source == "me/data"
    with pytest.raises(InputError, match="columns"):
        candidates(Dataset.from_dict({"text": ["a"]}), "me/data")
    several = {
        "prompt": [[{"role": "user", "content": "a"}] * 2],
        "completion": [[{"role": "assistant", "content": "b"}]],
    }
    (candidate,) = candidates(
        Dataset.from_dict(several | {"image": [picture]}).cast_column("image", Image()), "me/data"
    )
    with pytest.raises(InputError, match="one turn"):
        candidate.make(())


@pytest.mark.parametrize("name", ["JPEG-cut", "EPS", "PNG-too-large"])
def test_an_image_that_cannot_be_read_is_named(name: str) -> None:
    turns = {"prompt": ["How many?"], "completion": ["2"], "image": [{"bytes": REFUSED[name], "path": None}]}
    (candidate,) = candidates(Dataset.from_dict(turns).cast_column("image", Image()), "me/data")
    with pytest.raises(InputError, match=r"^row me/data-000000: its image cannot be read"):
        candidate.make(())


def hub_samples(**columns: list) -> list[Sample]:
    rows = {"prompt": ["What colour?"], "completion": ["Blue."], "image": [{"bytes": jpeg(1), "path": None}]} | columns
    dataset = Dataset.from_dict(rows).cast_column("image", Image())
    return [candidate.make(()) for candidate in candidates(dataset, "me/data")]


def test_choices_and_answers_pass_through() -> None:
    (sample,) = hub_samples(choices=[["blue", "red"]], answer=["blue"])
    assert (sample.choices, sample.answer, sample.completion) == (("blue", "red"), "blue", "Blue.")
    assert sample.answer_format == "word"
    assert correct(parse("It is blue", sample.answer_format, sample.choices), sample.answer, sample.answer_format)
    (lettered,) = hub_samples(choices=[["A", "B"]], answer=["B"])
    assert lettered.answer_format == "letter"
    (counted,) = hub_samples(answer=[3], answer_format=["number"])
    assert (counted.answer, counted.answer_format) == ("3", "number")


def test_free_text_is_compared_and_not_lost() -> None:
    (sample,) = hub_samples()
    assert (sample.answer, sample.choices, sample.answer_format) == ("Blue.", None, "text")
    assert correct(parse("blue", sample.answer_format, sample.choices), sample.answer, sample.answer_format)
    assert not correct(parse("red", sample.answer_format, sample.choices), sample.answer, sample.answer_format)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"answer_format": ["word"]}, "row me/data-000000: a word as its answer, but no choices"),
        ({"answer_format": ["essay"]}, "row me/data-000000: answer_format 'essay'; known: letter"),
        ({"choices": ["blue or red"]}, "row me/data-000000: its choices are 'blue or red'; a list"),
    ],
)
def test_what_could_not_be_scored_is_refused_by_row(columns: dict[str, list], message: str) -> None:
    with pytest.raises(InputError, match=message):
        hub_samples(**columns)
