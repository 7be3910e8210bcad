"""The format of an answer is inferred where it is certain, and nowhere else."""

import pytest

from pgt_lora.data.readers.answers import alternatives_in, infer, options_in
from pgt_lora.data.readers.values import Unreadable
from pgt_lora.evaluation.reading import parse
from pgt_lora.evaluation.scoring import correct

LISTED = "Where is the cat?\nA. left\nB. right\nC. on top\nAnswer with the option's letter."
INLINE = "Where is it? (A) left (B) right Answer with the option's letter from the given choices directly."
CERTAIN = [
    (LISTED, "B", ("B", "letter", ("A", "B", "C"))),
    (LISTED, "B.", ("B", "letter", ("A", "B", "C"))),
    (LISTED, "(C)", ("C", "letter", ("A", "B", "C"))),
    (LISTED, "B. right", ("B", "letter", ("A", "B", "C"))),
    (LISTED, "Right", ("right", "word", ("left", "right", "on top"))),
    (INLINE, "A", ("A", "letter", ("A", "B"))),
    (INLINE, "right", ("right", "word", ("left", "right"))),
    ("Which is it?\nA) 3\nB) 5", "5", ("5", "number", ("3", "5"))),
    ("Is it so? A: true B: false", "true", ("true", "true_false", ("true", "false"))),
    ("How many?", "12", ("12", "number", None)),
    ("How far?", "0.25.", ("0.25", "number", None)),
    ("How warm?", "-3", ("-3", "number", None)),
    ("Is it?", "True", ("True", "true_false", ("True", "False"))),
    ("Is it?", "no.", ("no", "word", ("yes", "no"))),
    ("Where?", "(0.25, 0.75)", ("(0.25, 0.75)", "point", None)),
    ("Which? Answer with the letter of the circle.", "D", ("D", "letter", None)),
    ("Where is it? Answer with left or right.", "left", ("left", "word", ("left", "right"))),
    ("Which? Answer with 'red', 'green', or 'blue' directly.", "Blue", ("blue", "word", ("red", "green", "blue"))),
]
UNCERTAIN = [
    ("Which letter is on the sign?", "A"),  # nothing says that letters name options
    (LISTED, "D"),
    (LISTED, "B. left"),
    (LISTED, "to the right of the sofa"),
    ("Which number has the bus?", "007"),
    ("How much?", "1,000"),
    ("How many?", "two"),
    ("How many?", "3 or 4"),
    ("Where?", "(25, 75)"),
    ("Is it left or right?", "left"),  # a question may offer words that are no whole answers
    ("What is it? Answer the question using a single word or phrase.", "phrases"),
    ("Answer with left or right.", "center"),
    ("See J. Smith and A. Jones", "A"),
    ("Which?\nA. left\nC. right", "C"),
    ("Which?\nA. left\nB. left", "left"),
]  # fmt: skip


@pytest.mark.parametrize(("question", "said", "expected"), CERTAIN)
def test_what_is_certain(question: str, said: str, expected: tuple) -> None:
    answer = infer(question, said)
    assert (answer.text, answer.format, answer.choices) == expected


@pytest.mark.parametrize(("question", "said"), UNCERTAIN)
def test_what_is_not_is_free_text(question: str, said: str) -> None:
    answer = infer(question, said)
    assert (answer.text, answer.format, answer.choices) == (said, "text", None)


@pytest.mark.parametrize(
    ("given", "said", "expected"),
    [
        (["left", "right"], "B", ("B", "letter", ("A", "B"))),
        (["A. left", "B. right"], "B.", ("B", "letter", ("A", "B"))),
        (["A", "B"], "A", ("A", "letter", ("A", "B"))),
        (["D", "K", "Q"], "K", ("K", "letter", ("D", "K", "Q"))),
        (["A. left", "B. right"], "right", ("right", "word", ("left", "right"))),
        (["left", "right"], "Right.", ("right", "word", ("left", "right"))),
        (["yes", "no"], "no", ("no", "word", ("yes", "no"))),
        (["1", "2"], "2", ("2", "number", ("1", "2"))),
    ],
)
def test_choices_that_come_with_the_data_are_used(given: list[str], said: str, expected: tuple) -> None:
    answer = infer("Which?", said, given)
    assert (answer.text, answer.format, answer.choices) == expected


def test_what_the_data_state_is_taken_or_refused() -> None:
    assert infer("How many?", "two", stated="number").format == "number"
    assert infer("Which?", "B.", ["left", "right"], "letter").text == "B"
    assert infer("Which?", "K", ["D", "K", "Q"], "letter").choices == ("D", "K", "Q")
    for given, stated, says in (
        (["left", "right"], None, "none of its choices: left, right"),
        (None, "essay", "known: letter"),
        (None, "word", "no choices to read it by"),
    ):
        with pytest.raises(Unreadable, match=says):
            infer("Which?", "center", given, stated)


@pytest.mark.parametrize(
    ("question", "said", "given", "stated", "text"),
    [
        (LISTED, "B.", None, "letter", "B"),
        (LISTED, "(b)", None, "letter", "B"),
        (LISTED, "B. right", None, "letter", "B"),
        ("Which circle?", "(K)", None, "letter", "K"),
        (LISTED, "D", None, "letter", None),
        (LISTED, "right", None, "letter", None),
        ("Which?", "C", ["left", "right"], "letter", None),
        ("Is it?", "True.", None, "true_false", "True"),
        ("Is it?", "Yes", None, "true_false", None),
        ("Where?", "0.25,0.75", None, "point", "(0.25, 0.75)"),
        ("Where?", "(25%, 75%)", None, "point", None),
        ("How many?", "1,000", None, "number", "1,000"),
        ("How many?", "twenty-one cats", None, "number", "twenty-one cats"),
        ("How many?", "two hundred", None, "number", None),
        ("How many?", "3 or 4", None, "number", None),
        ("How many?", "several", None, "number", None),
        ("Where?", "Left.", ["left", "right"], "word", "left"),
        ("Where?", "A", ["left", "right"], "word", None),
        ("What is it?", "a bus", None, "text", "a bus"),
    ],
)
def test_an_answer_is_what_its_stated_format_says(
    question: str, said: str, given: list[str] | None, stated: str, text: str | None
) -> None:
    if text is None:
        with pytest.raises(Unreadable, match=rf"its answer .* is no {stated}; fix it, or state 'text'"):
            infer(question, said, given, stated)
        return
    answer = infer(question, said, given, stated)
    assert (answer.text, answer.format) == (text, stated)
    assert text == "a bus" or correct(parse(said, stated, answer.choices), text, stated)


def test_choices_that_are_the_same_are_refused() -> None:
    with pytest.raises(Unreadable, match="its choices name 'left' twice"):
        infer("Which side?", "A", ["left", "left"])


def test_options_and_alternatives_of_a_question() -> None:
    assert options_in(INLINE).texts == ("left", "right")  # type: ignore[union-attr]
    assert options_in("Such as A. and then (B) too") is None
    assert alternatives_in("Answer only with yes, no or maybe!") == ("yes", "no", "maybe")
    assert alternatives_in("Answer with care.") is None
