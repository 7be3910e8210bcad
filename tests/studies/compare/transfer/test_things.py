"""Things on photographs: answers that are right and balanced, and no cheap look that tells them."""

import re
from collections import Counter
from math import dist

import pytest

from pgt_lora.core.streams import stream
from pgt_lora.data.directory import open_dataset
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.models.names import resolve
from pgt_lora.studies.compare.transfer.arrange import ALIKE, TASKS
from pgt_lora.studies.compare.transfer.grounds import PHOTOGRAPHS
from pgt_lora.studies.compare.transfer.photographs import ALL
from pgt_lora.studies.compare.transfer.things import Arrangement, arrange, things_on_photographs
from tests.support import differences

CANVAS = Canvas(112, 112)
SHOWN = ("cup", "hat")


def arrangements(number: int, canvas: Canvas = CANVAS) -> list[Arrangement]:
    return [arrange(index, canvas, PHOTOGRAPHS["test"]) for index in range(number)]


def check_labels(number: int, canvas: Canvas) -> None:
    for arranged in arrangements(number, canvas):
        seen = differences.places(arranged)
        question = arranged.question
        assert differences.answer_about_things(seen, question.text) == question.answer, question
        assert question.choices and question.answer in question.choices
        names = {name for name, _ in seen}
        assert not names & set(ALL[arranged.ground.name].shows)
        assert not set(ALIKE) <= names
        for thing in arranged.things:
            box = thing.box
            assert box.left >= 0 and box.top >= 0 and box.right < canvas.width and box.bottom < canvas.height


def test_what_changes_with_each_thing_gives_the_answers() -> None:
    check_labels(60, CANVAS)


@pytest.mark.slow
@pytest.mark.parametrize("canvas", ["112", "224", "320x240", "448"])
def test_the_answers_of_many_are_right(canvas: str) -> None:
    check_labels(240, Canvas.parse(canvas))


@pytest.mark.parametrize("task", TASKS)
def test_answers_are_balanced_in_every_template(task: str) -> None:
    questions = [TASKS[task][0](stream(7, "things", index), TaskSettings(CANVAS), SHOWN) for index in range(3000)]
    assert not any(re.search(r"\b(box|circles?|cups?|hats?)\b", question.text) for question in questions)
    for template in {question.template for question in questions}:
        of_template = [question for question in questions if question.template == template]
        answers = Counter(question.answer for question in of_template)
        even = len(of_template) / len(answers)
        slack = 4.5 * even**0.5
        assert all(abs(count - even) < slack for count in answers.values()), answers
        for place in range(len(of_template[0].choices or ())):
            at_place = sum(question.choices[place] == question.answer for question in of_template)  # type: ignore[index]
            share = 1 / len(of_template[0].choices or ())
            is_listed = of_template[0].answer_format == "word" and task == "distance"
            assert not is_listed or abs(at_place / len(of_template) - share) < 0.06


def test_the_set_is_asked_in_turn_of_all_photographs(root: object) -> None:
    recipe = resolve("tiny-qwen2.5-vl", ["--num_test_samples", "45"]).recipe
    rows = open_dataset(things_on_photographs(recipe)).to_list()
    assert Counter(row["task"] for row in rows) == dict.fromkeys(TASKS, 15)
    assert len({row["group"] for row in rows}) == len(PHOTOGRAPHS["test"].names)
    assert len({row["images"][0]["bytes"] for row in rows}) == len(rows)


@pytest.mark.slow
def test_no_cheap_look_tells_the_answer() -> None:
    right: Counter[str] = Counter()
    of_task: Counter[str] = Counter()
    for arranged in arrangements(1500):
        of_task[arranged.task] += 1
        right.update(name for name, is_right in looks(arranged) if is_right)
    for name, count in right.items():
        task, chance = name.split(":")[0], {"relation": 1 / 2, "distance": 1 / 3, "counting": 1 / 3}
        assert count / of_task[task] < chance[task] + 0.1 + 0.05, (name, count)


def looks(arranged: Arrangement) -> list[tuple[str, bool]]:
    about, middle = arranged.question.about, (CANVAS.width / 2, CANVAS.height / 2)
    by_name = {thing.name: thing for thing in arranged.things}
    if arranged.task == "relation":
        axis = 0 if about["answer"] in ("left", "right") else 1
        is_before = about["answer"] in ("left", "above")
        first, second = (by_name[about[key]].center for key in ("color_a", "color_b"))
        return [
            ("relation: the half of the first", (first[axis] < middle[axis]) == is_before),
            ("relation: the half of the second", (second[axis] > middle[axis]) == is_before),
            ("relation: the other axis", (first[1 - axis] < second[1 - axis]) == is_before),
            ("relation: drawn first", (arranged.things[0].name == about["color_a"]) == is_before),
        ]
    if arranged.task == "distance":
        target, answer = by_name[about[about["target"]]], about[about["answer"]]
        others = [thing for thing in arranged.things if thing is not target]
        keys = {
            "nearest to the middle": lambda thing: dist(thing.center, middle),
            "across alone": lambda thing: abs(thing.center[0] - target.center[0]),
            "down alone": lambda thing: abs(thing.center[1] - target.center[1]),
            "the largest": lambda thing: thing.box.left - thing.box.right,
            "of the same color": lambda thing: thing.color != target.color,
        }
        return [(f"distance: {name}", min(others, key=key).name == answer) for name, key in keys.items()]
    sizes = Counter(thing.name for thing in arranged.things).values()
    number = int(about["answer"])
    return [("counting: the largest group", max(sizes) == number), ("counting: kinds", len(sizes) == number)]
