"""The small models' lessons are true, vary, and ask nothing that PGT asks."""

from collections import Counter

import pytest

from pgt_lora.core.streams import stream
from pgt_lora.data.scene import Box, Canvas, Circle, Scene
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.tiny.lessons import draw_turns, phrase
from pgt_lora.tiny.listings import LISTINGS
from pgt_lora.tiny.questions import QUESTIONS
from pgt_lora.tiny.skills import SKILLS, skill_samples
from tests.support.discovered import TASKS


def test_no_lesson_asks_what_pgt_asks() -> None:
    lessons = {text for i in range(2000) for text, _ in draw_turns(stream(0, "test", i))[1]}
    pgt = {task.plan(stream(0, "test", i), TaskSettings()).text for task in TASKS.values() for i in range(400)}
    assert not lessons & pgt
    for words in ("relative", "closest", "same color", "overlay", "coordinates", "respect to"):
        assert not any(words in text for text in lessons)
        assert any(words in text for text in pgt)


@pytest.mark.parametrize("lesson", sorted({*LISTINGS, *QUESTIONS}, key=str), ids=lambda lesson: lesson.__name__)
def test_every_lesson_is_taught_and_answers_vary(lesson) -> None:  # type: ignore[no-untyped-def]
    turns = [lesson(stream(1, "test", i), draw_turns(stream(2, "test", i))[0]) for i in range(300)]
    taught = [turn for turn in turns if turn]
    assert len(taught) >= 20
    answers = Counter(answer for _, answer in taught)
    assert len(answers) > 1
    assert answers.most_common(1)[0][1] < 0.8 * len(taught)


def test_lessons_say_what_the_scene_holds() -> None:
    circles = (Circle("blue", 84, 90, 10, 1.0), Circle("pink", 30, 90, 8, 0.7), Circle("pink", 90, 20, 8, 0.7))
    scene = Scene(Canvas(112, 112), (Box("red", 0, 0, 39, 19),), circles)
    said = {lesson(stream(0, i), scene) for lesson in (*LISTINGS, *QUESTIONS) for i in range(60)} - {None}
    listed = "red box 18 09; blue circle 75 80; pink circle 27 80; pink circle 80 18"
    assert ("List the objects by color.", listed) in said
    cells = "red box - - pink circle; - - - -; - - - -; - pink circle - blue circle"
    assert ("List the cells row by row.", cells) in said
    assert ("List the number of each color.", "red 1; blue 1; pink 2") in said
    assert ("At which percent is the blue object?", "(75, 80)") in said
    assert ("Where is the red object from the middle, left or right?", "left") in said
    assert ("How many circles in all?", "3") in said
    assert ("There is something green in the image.", "False") in said
    assert not any("letter" in text and "option" not in text for text, _ in said)


def test_a_question_says_what_its_answer_is_like() -> None:
    def closings(turn: tuple[str, str]) -> set[str]:
        return {phrase(stream(0, i), turn)[0].partition(turn[0])[2] for i in range(100)}

    assert " Give the number alone." in closings(("How many objects in all?", "3"))
    assert {text.split()[-1] for text in closings(("How many? (A) 3 (B) 4", "A"))} == {"letter.", "right."}
    assert "" not in closings(("It is red.", "True"))


def test_the_skills_are_the_lessons_held_out() -> None:
    samples = list(skill_samples(4 * len(SKILLS)))
    assert Counter(sample.task for sample in samples) == dict.fromkeys(SKILLS, 4)
    for sample in samples:
        assert sample.choices is not None
        assert sample.answer in sample.choices
