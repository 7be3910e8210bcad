"""Outputs are read as a person reads them, whoever wrote them."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pgt_lora.data.sample import AnswerFormat
from pgt_lora.evaluation import numerals, prose, reading, verdicts
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
    ("a blue", True), ("the blue", True), ("blueish", False), ("light blue", False), ("", False),
    ("blue or red", False),
])  # fmt: skip
def test_free_text_is_right_where_it_is_the_answer_but_for_its_dress(output: str, right: bool) -> None:
    assert correct(parse(output, "text"), "blue", "text") is right
    assert parse("", "text") is None


def test_of_choices_free_text_states_one() -> None:
    choices = ["light blue", "red"]
    assert parse("It is light blue.", "text", choices) == "light blue"
    assert parse("It is navy.", "text", choices) == "It is navy."


WHERE = "Where is the red box relative to the blue box?"
OPTIONS = "Where is the red box located with respect to the blue box? (A) right (B) left"


@pytest.mark.parametrize(("output", "kind", "choices", "question", "said"), [
    # The circle that is asked about is no answer.
    ("B is the closest to A.", "letter", "BCD", "", "B"), ("Circle B is closest to A", "letter", "BCD", "", "B"),
    ("C is closest to A, not B.", "letter", "BCD", "", "C"), ("D has the same color as A.", "letter", "BCD", "", "D"),
    ("The circle with a D in it has the same color as the one with an A.", "letter", "BCD", "", "D"),
    ("A and D are both red, so D.", "letter", "BCD", "", "D"), ("B and D are near A.", "letter", "BCD", "", None),
    ("I am not sure, maybe B", "letter", "BCD", "", None), ("A or B", "letter", "BCD", "", None),
    # What is said of the second object is not the first one's place.
    ("The red box is left of the blue box.", "word", ("left", "right"), WHERE, "left"),
    ("The blue box is right of the red box.", "word", ("left", "right"), WHERE, None),
    ("It is left of the blue box. The red box is smaller.", "word", ("left", "right"), WHERE, "left"),
    ("Compared to the blue box, left is where the red box is.", "word", ("left", "right"), WHERE, "left"),
    ("The position relative to the blue box is left (the red box is red).", "word", ("left", "right"), WHERE, "left"),
    ("To the right above.", "word", ("left", "right", "above"), WHERE, None),
    # A letter stands for its option where the question has them.
    ("(A)", "word", ("right", "left"), OPTIONS, "right"), ("B.", "word", ("right", "left"), OPTIONS, "left"),
    ("The answer is (B).", "word", ("right", "left"), OPTIONS, "left"),
    ("A red box", "word", ("right", "left"), OPTIONS, None),
    ("(A) right (B) left", "word", ("right", "left"), OPTIONS, None), ("B", "word", ("right", "left"), WHERE, None),
    ("B", "word", ("right", "left"), f"{OPTIONS}\nAnswer with the letter.", "left"),
])  # fmt: skip
def test_the_question_tells_what_an_output_means(
    output: str, kind: str, choices: Sequence[str], question: str, said: str | None
) -> None:
    assert parse(output, kind, tuple(choices), question) == said


def test_chance_is_that_of_the_best_guess_in_each_form() -> None:
    def rows(answers: Sequence[str], kind: str, choices: Sequence[str] | None) -> list[dict[str, Any]]:
        return [{"answer": each, "answer_format": kind, "choices": choices} for each in answers]

    balanced, skewed = rows("ABC" * 40, "letter", "ABC"), rows("A" * 80 + "B" * 20 + "C" * 20, "letter", "ABC")
    assert chance(balanced) == pytest.approx(1 / 3)
    assert 0.55 < chance(skewed) < 80 / 120  # the constant A, as far as that is certain
    one_sided = [
        *rows(["left"] * 60, "word", ["left", "right"]),
        *rows(["above", "below"] * 30, "word", ["above", "below"]),
    ]
    assert 0.7 < chance(one_sided) < 0.75  # always left on the one kind, a coin on the other
    numbers = rows("1" * 60 + "2" * 60, "number", None)
    assert chance([*balanced, *numbers]) == pytest.approx((40 + 60) / 240)  # a guess for each form


def test_chance_of_free_text_is_the_best_constant_answer() -> None:
    answers = ["blue", "Blue.", "red", "light blue"]
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


@pytest.mark.parametrize(("output", "said"), [
    ("<think>A is near, so A?\nNo: B.</think><answer>B</answer>", "B"), ("<think>A</think> B", "B"),
    ("A or C.</think>\n\n<answer> (B) left </answer>", "B"),  # the template wrote the first tag
    ("<THINK>A</THINK><Answer>B</Answer>", "B"), ("<think></think><answer>A</answer><answer>B</answer>", "B"),
    ("<think><answer>A</answer>, or not.</think><answer>B</answer>", "B"), ("I see two.<answer>B</answer>A", "B"),
    ("<think>A</think> So <answer>\\boxed{B}</answer>", "B"),
    # Cut off, or never closed.
    ("<think>The answer is B", None), ("<think>It is <answer>B</answer>", None), ("<answer>B", None),
    ("<think>A</think><answer>B", None), ("<think>A</think>B<think>", None), ("B</answer>", None),
    ("<answer>A</answer><answer>B", None), ("<think>A</think>", None), ("<answer></answer>", None),
])  # fmt: skip
def test_of_a_model_that_thinks_aloud_the_conclusion_is_read(output: str, said: str | None) -> None:
    assert parse(output, "letter", ("A", "B", "C")) == said
    assert parse(output.replace("(B) left", "B").replace("\\boxed{B}", "B"), "text") == said


class Counted:
    """A compiled pattern, or the module of them, that counts the characters it is made to search."""

    def __init__(self, real: Any, steps: list[int]) -> None:
        self.real, self.steps = real, steps

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.real, name)
        if name not in ("search", "finditer", "findall", "sub", "split", "match", "fullmatch"):
            return found

        def counted(*given: Any, **more: Any) -> Any:
            text = max((each for each in given if isinstance(each, str)), key=len)
            # A match looks where it stands, a search goes through all that it is given.
            self.steps.append(1 if name == "match" else 1 + len(text))
            return found(*given, **more)

        return counted


@pytest.mark.parametrize("kind", AnswerFormat)
@pytest.mark.parametrize("piece", ["1, ", "is B ", "(B) ", "not ", "that true ", "answer ", "<answer>B</answer>", "?"])
def test_what_is_searched_grows_no_faster_than_an_output(
    kind: str, piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []
    for module in (prose, reading, numerals, verdicts):
        patterns = {name: value for name, value in vars(module).items() if isinstance(value, re.Pattern)}
        for name, value in (patterns | {"re": re}).items():
            monkeypatch.setattr(module, name, Counted(value, steps))
    seen = []
    for number in (400, 800):
        steps.clear()
        parse(piece * number, kind, ("left", "B"))
        seen.append(sum(steps))
    assert seen[1] <= 2.5 * seen[0]  # what grows with the square would be four times as much
