"""The small models' lessons are true, vary, and ask nothing that PGT asks."""

from collections import Counter
from functools import cache

import pytest

from pgt_lora.core.streams import stream
from pgt_lora.data.scene import Box, Canvas, Circle
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.tiny.lessons import draw_turns, phrase
from pgt_lora.tiny.listings import LISTINGS
from pgt_lora.tiny.objects import everything, kind_of
from pgt_lora.tiny.offsets import offset, offset_turns, offsets
from pgt_lora.tiny.picture import Picture, Thing
from pgt_lora.tiny.questions import QUESTIONS
from pgt_lora.tiny.skills import SKILLS, skill_samples
from pgt_lora.tiny.things import NAMES
from tests.support.discovered import TASKS

# What PGT's questions are known by, in the wordings of the kit and of the paper, whatever the task.
PGT_WORDS = (
    "relative", "closest", "same color", "overlay", "overlaid", "coordinates", "respect to", "located", "normalized",
    "nearer", "farther", "farthest", "relation", "statement", "different colors",
)  # fmt: skip


@cache
def drawn(number: int = 1500) -> list[tuple[Picture, list[tuple[str, str]]]]:
    return [draw(stream(0, "test", i)) for draw in (draw_turns, offset_turns) for i in range(number // 2)]


def test_no_lesson_asks_what_pgt_asks() -> None:
    lessons = {text for _, turns in drawn() for text, _ in turns}
    pgt = {task.plan(stream(0, "test", i), TaskSettings()).text for task in TASKS.values() for i in range(400)}
    assert not lessons & pgt
    for words in PGT_WORDS:
        assert not any(words in text.lower() for text in lessons), words
    for words in PGT_WORDS[:4]:
        assert any(words in text for text in pgt)


def test_no_lesson_but_an_offset_names_two_boxes_and_none_counts_one_color() -> None:
    for _, turns in drawn():
        for text, answer in turns:
            if text.startswith("List the numbers") or answer[0] in "+-":  # of four colors at a time; a signed number
                continue
            assert text.count(" box") <= 1 or "or a" in text
            named = [color for color in COLORS if f"{color} " in text.partition("(A)")[0].partition("\nA.")[0]]
            assert not ("How many" in text and named), text


def test_things_have_names_colors_and_places_and_nothing_else() -> None:
    for _, turns in drawn():
        for text, _ in turns:
            if any(f" {name}" in text for name in NAMES if name != "star" or "start" not in text):
                assert not any(words in text for words in ("How many", "from the middle", "far is", "match"))
    counting = ("total", "variety", "numbers", "side", "side_true")
    for lesson in (each for each in (*QUESTIONS, *LISTINGS) if each.__name__ in counting):
        picture = Picture(Canvas(112, 112), things=(Thing("fish", Box("red", 10, 10, 39, 39)),))
        assert all(lesson(stream(0, i), picture) is None for i in range(20))


LESSONS = sorted({*LISTINGS, *QUESTIONS, offset, offsets}, key=str)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.__name__)
def test_every_lesson_is_taught_and_answers_vary(lesson) -> None:  # type: ignore[no-untyped-def]
    turns = [lesson(stream(1, "test", i), drawn()[i][0]) for i in range(300)]
    taught = [turn for turn in turns if turn]
    assert len(taught) >= 20
    answers = Counter(answer for _, answer in taught)
    assert len(answers) > 1
    assert answers.most_common(1)[0][1] < 0.8 * len(taught)


def test_lessons_say_what_the_picture_holds() -> None:
    circles = (Circle("blue", 84, 90, 10, 1.0), Circle("pink", 30, 90, 8, 0.7), Circle("pink", 90, 20, 8, 0.7))
    picture = Picture(Canvas(112, 112), (Box("red", 0, 0, 39, 19),), circles, hidden=frozenset({"cyan"}))
    said = {lesson(stream(0, i), picture) for lesson in (*LISTINGS, *QUESTIONS) for i in range(60)} - {None}
    listed = "red box 18 09; blue circle 75 80; pink circle 27 80; pink circle 80 18"
    assert ("List the objects by color.", listed) in said
    cells = "red box - - pink circle; - - - -; - - - -; - pink circle - blue circle"
    assert ("List the cells row by row.", cells) in said
    assert ("List the number of each color.", "red 1; blue 1; pink 2") in said
    assert ("At which percent is the blue object?", "(75, 80)") in said
    assert ("Where is the blue circle, as two fractions in square brackets?", "[0.75, 0.8]") in said
    assert ("Where is the blue circle, as two fractions in round brackets?", "(0.75, 0.80)") in said
    assert ("Where is the red object from the middle, left or right?", "left") in said
    assert ("How many circles in all?", "3") in said
    assert ("There is something green in the image.", "False") in said
    assert ("Which color is there most often?", "pink") in said
    assert not any("letter" in text and "option" not in text for text, _ in said)
    assert not any(
        "cyan" in text for text, _ in said if "something" in text or "numbers" in text
    )  # the ground holds it
    assert not any("red" in text for text, _ in said if "fractions" in text)  # which is what PGT asks of a box


def test_lessons_chain_letters_and_colors() -> None:
    places = {"A": (20, 20), "B": (90, 20), "C": (20, 90), "D": (90, 90)}
    colors = {"A": "red", "B": "blue", "C": "red", "D": "green"}
    circles = tuple(Circle(colors[label], x, y, 10, 1.0, label) for label, (x, y) in places.items())
    picture = Picture(Canvas(112, 112), (), circles)
    said = {lesson(stream(0, i), picture) for lesson in (*LISTINGS, *QUESTIONS) for i in range(200)} - {None}
    assert ("List the groups of letters.", "A C; B; D") in said
    assert ("List the letters of each color.", "red A C; green D; blue B") in said
    assert ("Follow the letters C.", "C is red, red A C") in said
    assert ("How many other letters match C?", "1") in said
    assert ("Which letters are red?", "A C") in said
    assert ("A and C match.", "True") in said


def test_offsets_are_numbers_with_a_sign_and_no_relation() -> None:
    picture = Picture(Canvas(112, 112), (Box("red", 0, 0, 39, 19),), (Circle("blue", 84, 90, 10, 1.0, "C"),))
    said = {offset(stream(0, i), picture) for i in range(60)}
    assert {answer for _, answer in said} == {"+57", "-57", "+71", "-71"}
    assert ("From the red box to letter C, how far is it across?", "+57") in said
    assert ("Start at letter C. How far down is the red box?", "-71") in said
    assert {offsets(stream(0, i), picture) for i in range(20)} == {
        ("Offsets from the red box.", "C +57 +71"),
        ("Offsets from letter C.", "red -57 -71"),
    }
    thing = Thing("fish", Box("red", 10, 10, 39, 39))
    with_thing = Picture(picture.canvas, picture.boxes, picture.circles, (thing,))
    assert offset(stream(0), with_thing) is offsets(stream(0), with_thing) is None
    asked = {text for _, turns in drawn() for text, answer in turns if answer.startswith(("+", "-"))}
    assert len(asked) > 100
    assert not any(word in text for text in asked for word in ("left", "right", "above", "below"))


def test_lessons_say_what_things_are() -> None:
    things = (Thing("fish", Box("red", 10, 10, 39, 39)), Thing("key", Box("blue", 70, 70, 99, 99)))
    picture = Picture(Canvas(112, 112), (), (), things)
    said = {lesson(stream(0, i), picture) for lesson in (*LISTINGS, *QUESTIONS) for i in range(200)} - {None}
    assert ("What is at the top left?", "fish") in said
    assert ("What color is the key?", "blue") in said
    assert ("Which thing is red?", "fish") in said
    assert ("Is there a fish?", "True") in said
    assert ("Where is the key, as two fractions in square brackets?", "[0.76, 0.76]") in said
    assert ("What is at (0.22, 0.22)?", "red fish") in said


def test_every_object_is_in_some_picture() -> None:
    kinds = {kind_of(each) for picture, _ in drawn() for each in everything(picture)}
    assert kinds == {"box", "circle", *"ABCD", *NAMES}
    assert len({picture.ground.kind for picture, _ in drawn()}) == 8


def test_a_question_says_what_its_answer_is_like() -> None:
    def closings(turn: tuple[str, str]) -> set[str]:
        return {phrase(stream(0, i), turn)[0].partition(turn[0])[2] for i in range(100)}

    assert " Give the number alone." in closings(("How many objects in all?", "3"))
    assert {text.split()[-1] for text in closings(("How many? (A) 3 (B) 4", "A"))} == {"letter.", "right."}
    assert {text.split()[-1] for text in closings(("How many?\nA. 3\nB. 4\n", "A"))} == {"letter.", "right."}
    assert "" not in closings(("It is red.", "True"))


def test_the_skills_are_the_lessons_held_out() -> None:
    samples = list(skill_samples(4 * len(SKILLS)))
    assert len(SKILLS) == 8
    assert Counter(sample.task for sample in samples) == dict.fromkeys(SKILLS, 4)
    for sample in samples:
        assert sample.choices is not None
        assert sample.answer in sample.choices
