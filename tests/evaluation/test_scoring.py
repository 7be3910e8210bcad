from collections.abc import Iterator
from random import Random
from typing import Any
from weakref import ref

import pytest
from PIL import Image
from scipy.stats import binomtest

from pgt_lora.data.sample import AnswerFormat
from pgt_lora.evaluation.reading import parse
from pgt_lora.evaluation.scoring import chance, correct, score_by_task, wilson

ABOVE = ("above", "below")
AREAS = ("top left", "top center", "center left", "center")


@pytest.mark.parametrize(
    ("answer_format", "output", "choices", "parsed"),
    [
        ("letter", "(B)", None, "B"),
        ("letter", "B.", None, "B"),
        ("letter", "B", ("A", "B", "C"), "B"),
        ("letter", "b) left", None, "B"),
        ("letter", "The answer is B", None, "B"),
        ("letter", "The answer is (c).", None, "C"),
        ("letter", "A red circle", None, None),
        ("letter", "D", ("A", "B", "C"), None),
        ("letter", "neither", None, None),
        ("letter", "", None, None),
        ("number", "two", None, "2"),
        ("number", "2 circles", None, "2"),
        ("number", "25", None, "25"),
        ("number", "There are 3.", None, "3"),
        ("number", "3 or 4", None, None),
        ("number", "3 red and 3 blue", None, "3"),
        ("number", "A2", None, None),
        ("number", "none", None, "0"),
        ("true_false", "True", None, "True"),
        ("true_false", "Yes.", None, "True"),
        ("true_false", "no", None, "False"),
        ("true_false", "True or False", None, None),
        ("true_false", "nothing", None, None),
        ("word", "Above", ABOVE, "above"),
        ("word", "it is below the red box.", ABOVE, "below"),
        ("word", "above or below", ABOVE, None),
        ("word", "abovebelow", ABOVE, None),
        ("word", "neither", ABOVE, None),
        ("word", "top center", AREAS, "top center"),
        ("word", "The square is in the center.", AREAS, "center"),
        ("word", "Top-left.", AREAS, "top left"),
        ("word", "center  left", AREAS, "center left"),
        ("word", "top center or center", AREAS, None),
        ("word", "middle", AREAS, None),
        ("word", "left", AREAS, None),
        ("word", "above", None, None),
        ("point", "(0.32, 0.57)", None, "(0.32, 0.57)"),
        ("point", "x=.3 y=.5", None, "(0.3, 0.5)"),
        ("point", "(0.32, 0.57, 0.1)", None, None),
        ("point", "0.32", None, None),
    ],
)
def test_parse(answer_format: str, output: str, choices: tuple[str, ...] | None, parsed: str | None) -> None:
    assert parse(output, answer_format, choices) == parsed


@pytest.mark.parametrize("answer_format", [each for each in AnswerFormat if each != AnswerFormat.TEXT])
@pytest.mark.parametrize("output", ["", " ", "neither", "\n", "I cannot tell.", "!?", "{}", "None of these"])
def test_what_states_no_answer_is_no_answer(answer_format: str, output: str) -> None:
    parsed = parse(output, answer_format, AREAS if answer_format == "word" else None)
    assert parsed is None
    assert not correct(parsed, "", answer_format)


@pytest.mark.parametrize(
    ("answer_format", "output", "answer", "right"),
    [
        ("letter", "(B)", "B", True),
        ("letter", "B.", "B", True),
        ("letter", "b) left", "B", True),
        ("letter", "b) left", "A", False),
        ("letter", "The answer is B", "B", True),
        ("letter", "Both A and B", "A", False),
        ("number", "two", "2", True),
        ("number", "2 circles", "2", True),
        ("number", "25", "5", False),
        ("number", "5", "25", False),
        ("number", "2.5", "2", False),
        ("number", "02", "2", True),
        ("true_false", "Yes.", "True", True),
        ("true_false", "TRUE", "True", True),
        ("true_false", "Not true", "False", True),
    ],
)
def test_awkward_outputs_are_scored(answer_format: str, output: str, answer: str, right: bool) -> None:
    assert correct(parse(output, answer_format, None), answer, answer_format) is right


@pytest.mark.parametrize(
    ("parsed", "answer", "answer_format", "right"),
    [
        ("5", "5", "number", True),
        ("25", "5", "number", False),
        (None, "5", "number", False),
        ("above", "above", "word", True),
        ("(0.25, 0.5)", "(0.30, 0.55)", "point", True),
        ("(0.24, 0.5)", "(0.30, 0.55)", "point", False),
        ("(0.3, 0.61)", "(0.30, 0.55)", "point", False),
    ],
)
def test_correct(parsed: str | None, answer: str, answer_format: str, right: bool) -> None:
    assert correct(parsed, answer, answer_format) is right


@pytest.mark.parametrize(("successes", "total"), [(0, 10), (3, 10), (10, 10), (512, 1000)])
def test_wilson_is_the_published_interval(successes: int, total: int) -> None:
    expected = binomtest(successes, total).proportion_ci(0.95, method="wilson")
    assert wilson(successes, total) == pytest.approx((expected.low, expected.high), abs=1e-6)


def row(answer: str, answer_format: str, choices: list[str] | None, task: str = "t") -> dict[str, object]:
    return {"answer": answer, "answer_format": answer_format, "choices": choices, "task": task}


def test_chance_is_one_over_the_choices_or_the_best_constant_answer() -> None:
    rows = [row("A", "letter", ["A", "B"]), row("1", "number", ["1", "2", "3", "4"])]
    assert chance(rows) == pytest.approx((1 / 2 + 1 / 4) / 2)
    points = ["(0.10, 0.10)", "(0.14, 0.12)", "(0.90, 0.90)", "(0.50, 0.10)"]
    assert chance([row(point, "point", None) for point in points]) == pytest.approx(2 / 4)


def test_unparsed_outputs_are_wrong_and_counted() -> None:
    rows = [row("1", "number", ["1", "2"], "counting")] * 3
    predictions = [
        {"correct": True, "parsed": "1"},
        {"correct": False, "parsed": "2"},
        {"correct": False, "parsed": None},
    ]
    score = score_by_task(rows, predictions)["counting"]
    assert (score.num_samples, score.num_correct, score.num_unparsed) == (3, 1, 1)
    assert score.accuracy == pytest.approx(1 / 3)
    assert score.low < score.accuracy < score.high


def test_the_best_point_is_the_one_that_is_right_most_often() -> None:
    draw = Random(0)
    points = [f"({draw.randint(0, 60) / 100}, {draw.randint(0, 60) / 100:.2f})" for _ in range(150)]
    best = max(sum(correct(guess, point, "point") for point in points) for guess in points)
    assert chance([row(point, "point", None) for point in points]) == best / len(points)


def test_scores_hold_no_images() -> None:
    read: list[ref[Image.Image]] = []

    def rows() -> Iterator[dict[str, Any]]:
        for _ in range(50):
            read.append(ref(image := Image.new("L", (1, 1))))
            assert sum(each() is not None for each in read) <= 3
            yield row("2", "number", None) | {"images": [image]}
            del image

    made = [{"correct": True, "parsed": "2"}] * 50
    assert score_by_task(rows(), made)["t"].num_correct == 50
