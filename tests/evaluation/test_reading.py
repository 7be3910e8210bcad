"""Outputs are read as a person reads them, whoever wrote them."""

import json
from pathlib import Path
from random import Random
from time import perf_counter

import pytest

from pgt_lora.data.sample import AnswerFormat
from pgt_lora.evaluation.reading import parse
from pgt_lora.evaluation.scoring import chance, correct
from tests.support.readings import READINGS

RECORDED = Path(__file__).parents[1] / "support" / "recorded" / "small_model_outputs.jsonl"
EVERY = [(kind, choices, *each) for kind, (choices, pairs) in READINGS.items() for each in pairs]


@pytest.mark.parametrize(("kind", "choices", "output", "reading"), EVERY)
def test_an_output_is_read_as_a_person_reads_it(
    kind: str, choices: tuple[str, ...] | None, output: str, reading: str | None
) -> None:
    assert parse(output, kind, choices) == reading


def test_what_the_small_models_write_is_read_as_it_ever_was() -> None:
    lines = [json.loads(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()]
    assert len(lines) > 100
    for each in lines:
        assert parse(each["output"], each["answer_format"], each["choices"]) == each["reading"], each


def test_the_table_holds_every_format_and_enough_of_what_must_not_be_read() -> None:
    assert len(EVERY) >= 120
    assert {kind for kind, *_ in EVERY} == set(AnswerFormat) - {AnswerFormat.TEXT}
    assert sum(reading is None for *_, reading in EVERY) >= 60


@pytest.mark.parametrize(("output", "answer"), [("3.0", "3"), ("3", "3.0"), ("0,62", "0.62"), ("1,000", "1000")])
def test_numbers_are_compared_as_numbers(output: str, answer: str) -> None:
    assert correct(parse(output, "number"), answer, "number")


@pytest.mark.parametrize(("output", "right"), [
    ("blue", True), ("Blue.", True), ("**blue**", True), (" BLUE !", True), ("ｂｌｕｅ", True), ("blue\n", True),
    ("a blue", False), ("the blue", False), ("blueish", False), ("light blue", False), ("", False),
    ("blue or red", False),
])  # fmt: skip
def test_free_text_is_right_where_it_is_the_answer_but_for_its_dress(output: str, right: bool) -> None:
    assert correct(parse(output, "text"), "blue", "text") is right
    assert parse("", "text") is None


def test_chance_of_free_text_is_the_best_constant_answer() -> None:
    answers = ["blue", "Blue.", "red", "a blue"]
    rows = [{"answer": each, "answer_format": "text", "choices": None} for each in answers]
    assert chance(rows) == 2 / 4


@pytest.mark.parametrize(
    "output",
    [
        "9" * 500 + ", 1",
        "(10000000, 2)",
        "(0.00000001, 2)",
        "\\boxed{",
        "{{{",
        "0,",
        "-",
        "x" * 20_000,
        "? " * 5_000,
        "²³¹",
        "(" * 999,
    ],
)
@pytest.mark.parametrize("kind", AnswerFormat)
def test_whatever_is_written_is_read_or_unread_and_never_fails(kind: str, output: str) -> None:
    answer = "(0.5, 0.5)" if kind == "point" else "1"
    assert not correct(parse(output, kind, ("left", "B")), answer, kind)


def test_random_writing_is_read_or_unread_and_never_fails() -> None:
    rng = Random(0)
    pieces = (
        [output for _, _, output, _ in EVERY]
        + list("0123456789.,-()[]{}\\$*_ \n?!%=")
        + ["not ", " or ", "that ", "é", "中"]
    )
    for _ in range(2_000):
        output = "".join(rng.choices(pieces, k=rng.randint(1, 12)))
        for kind in AnswerFormat:
            correct(parse(output, kind, ("left", "B")), "(0.5, 0.5)" if kind == "point" else "1", kind)


@pytest.mark.parametrize("kind", AnswerFormat)
@pytest.mark.parametrize("piece", ["1, ", "is B ", "(B) ", "not ", "that true ", "answer "])
def test_a_long_output_is_read_in_no_time(kind: str, piece: str) -> None:
    start = perf_counter()
    parse(piece * 2_000, kind, ("left", "B"))
    assert perf_counter() - start < 5
