"""Free text: what counts as equal, and how near what is not equal comes."""

import pytest

from pgt_lora.evaluation.free_text import anls, edits, f1, normalized
from pgt_lora.evaluation.scoring import score_by_task

EQUAL = [
    ("A red car.", "red car"), ("The  Red\tcar!", "red car"), ("two dogs", "2 dogs"), ("None", "0"), ("none", "zero"),
    ("don't know", "dont know"), ("It’s raining", "its raining"), ("they're in", "theyre in"), ("t-shirt", "t shirt"),
    ("**blue**", "blue"), ("1,000", "1000"), ("yes, it is", "yes it is"), ("salt/pepper", "salt pepper"), ("A", "a"),
    ("3.5", "3.5"), ("stop.", "stop"), ("“Stop”", "stop"), ("an", "An"), ("ＯＫ", "ok"), ("2 hours.", "two hours"),
    ("red\ncar", "red car"), ("What's up", "whats up"),
]  # fmt: skip
OTHER = [
    ("red", "red car"), ("dog's", "dogs"), ("3.5", "35"), ("2", "two dogs"), ("a", "the"), ("no", "not"), ("", "red"),
    ("left", "right"), ("1.000", "1000"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_what_vqa_takes_as_equal_is_equal(one: str, other: str) -> None:
    assert normalized(one) == normalized(other)
    assert f1(one, other) == 1


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_other_answers_are_not(one: str, other: str) -> None:
    assert normalized(one) != normalized(other)
    assert f1(one, other) < 1


def test_nearness_by_letters_and_by_words() -> None:
    assert edits("kitten", "sitting") == 3
    assert edits("", "abc") == edits("abc", "") == 3
    assert anls("Coca  Cola", "coca cola") == 1
    assert anls("coca kola", "coca cola") == pytest.approx(8 / 9)
    assert anls("tea", "coca cola") == 0, "farther than a half"
    assert anls("", "") == 1
    assert f1("the red car", "a red bus") == pytest.approx(0.5)
    assert f1("red red car", "red car") == pytest.approx(0.8), "a word counts as often as it is there"
    assert f1("tea", "coffee") == 0


def test_the_means_stand_beside_the_accuracy() -> None:
    row = {"task": "talk", "answer": "red", "answer_format": "text", "choices": None}
    made = [
        {"correct": True, "parsed": "red", "anls": 1.0, "f1": 1.0},
        {"correct": False, "parsed": None, "anls": 0.0, "f1": 0.5},
    ]
    score = score_by_task([row, row], made)["talk"]
    assert (score.accuracy, score.anls, score.f1, score.unread) == (0.5, 0.5, 0.75, 0.5)
    bare = [{"correct": True, "parsed": "red"}]
    assert score_by_task([row], bare)["talk"].f1 is None
