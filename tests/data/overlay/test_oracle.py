"""The oracle that sees what differs from the photograph agrees with every answer, whatever the file and its size."""

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import count, islice
from random import Random

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

from pgt_lora.core.streams import stream
from pgt_lora.data.overlay import draw
from pgt_lora.data.overlay.draw import Outcome, Overlaid, overlay
from pgt_lora.data.overlay.plan import MAX_TASKS, Asked, settings_for
from pgt_lora.data.scene import Box, Canvas, Scene, render
from pgt_lora.data.scene.palette import COLORS, blend, delta_e
from pgt_lora.data.tasks import relation
from tests.support import alone, overlaid
from tests.support.overlay_figures import TASKS, Item, drawn_over, items
from tests.support.overlay_oracles import agree, as_jpeg, difference_oracle, verdict
from tests.support.photographs import FILES, draw_size, file_of

LEAST_ALONE = 0.8  # of a few pictures of each task
UNREAD = "unread"
MOST_UNREAD = 0.01  # after JPEG: outlines of two pixels in the smallest pictures, which the eye sees at once


def check(photographs: Iterable[Item], most_unread: int = 2) -> tuple[Counter[str], Counter[Outcome]]:
    """Check every answer before and after JPEG; return how many of each task, and what became of the photographs.

    After JPEG it may leave a few unread, which are counted as a task. It never says anything else than the answer.
    """
    tasks, outcomes = Counter[str](), Counter[Outcome]()
    for photograph, asked, result in photographs:
        if isinstance(result, Outcome):
            outcomes[result] += 1
            continue
        outcomes[result.outcome] += 1
        jpeg = as_jpeg(result.picture)
        for picture, noise in ((result.picture, 0), (jpeg, overlaid.JPEG_NOISE)):
            oracle = difference_oracle(photograph, picture, noise)
            for each in asked:
                try:
                    answer = oracle(each.question.text)
                except ValueError:
                    assert noise, (each.question.text, photograph.size, outcomes.total())
                    tasks[UNREAD] += 1
                    continue
                right = agree(answer, each) if noise else answer == each.question.answer
                assert right, (answer, each.question.text, photograph.size, noise, outcomes.total())
        tasks.update(each.task.name for each in asked)
    assert tasks[UNREAD] <= most_unread, tasks
    return tasks, outcomes


@pytest.mark.parametrize("task", TASKS)
def test_the_oracle_agrees(task: str) -> None:
    assert check(items((task,), 16, (80, 150)))[0][task] >= 10


@pytest.mark.parametrize("number", [2, 3])
def test_the_oracle_agrees_where_several_are_asked(number: int) -> None:
    assert check(items(TASKS, 6, (100, 150), number))[0].total() >= 4 * number


def in_all_sizes(first: str, long: tuple[int, int]) -> Iterator[Item]:
    """Yield photographs with one to three questions, one of them of a task, the others any."""
    others = [task for task in TASKS if task != first]
    for index in count():
        rng = stream(15, "overlay-oracle", first, *long, index)
        number = 1 + index % MAX_TASKS
        possible = (first, *rng.sample(others, number - 1))
        file = file_of(rng, draw_size(rng, long, 80), FILES[index % len(FILES)])
        yield from drawn_over(rng, file, possible, number)


# Together 1,000 samples of every task: as the one that is asked for in each picture, and beside the four others.
NUM_FIRST = 500
NUM_BESIDE = 125


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_the_oracle_agrees_on_a_thousand(task: str) -> None:
    photographs, tasks, outcomes = in_all_sizes(task, (80, 1280)), Counter[str](), Counter[Outcome]()
    while tasks[task] < NUM_FIRST or min(tasks[each] for each in TASKS) < NUM_BESIDE:
        found = check(islice(photographs, 50), most_unread=10)
        tasks, outcomes = tasks + found[0], outcomes + found[1]
    assert outcomes[Outcome.FIRST] > outcomes.total() / 2
    assert tasks[UNREAD] <= MOST_UNREAD * tasks.total(), tasks


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_the_oracle_agrees_on_large_photographs(task: str) -> None:
    assert check(islice(in_all_sizes(task, (3600, 4000)), 3))[0].total() >= 3


def test_who_sees_the_picture_alone_is_hardly_ever_in_doubt() -> None:
    verdicts = Counter[str]()
    for task in TASKS:
        for _, asked, result in items((task,), 6, (100, 150)):
            if isinstance(result, Overlaid):
                verdicts[verdict(partial(alone.answer, as_jpeg(result.picture)), asked[0])] += 1
    assert verdicts["agrees"] >= LEAST_ALONE * verdicts.total() > 15 and not verdicts["differs"], verdicts


def test_who_sees_the_picture_alone_is_in_doubt_where_a_color_is_lost() -> None:
    asked = Asked(relation.TASK, relation.ask("A", "red", "blue", "left", ("left", "right")))
    boxes = Box("red", 40, 40, 59, 59), Box("blue", 80, 40, 99, 59)
    for ground, expected in (((120, 130, 120), "agrees"), (COLORS["red"], "in doubt"), (COLORS["blue"], "in doubt")):
        picture = render(Scene(Canvas(160, 120), boxes), Image.new("RGB", (160, 120), ground))
        assert verdict(partial(alone.answer, picture), asked) == expected


@pytest.mark.parametrize("color", sorted(COLORS))
def test_where_a_color_is_faint_everywhere_a_casing_saves_it(color: str) -> None:
    photograph, asked, settings = (
        Image.new("RGB", (160, 120), near(color, 22, 33)),
        left_of(color),
        settings_for(*SMALL),
    )
    result = overlay(Random(1), photograph, [asked], settings)
    assert isinstance(result, Overlaid) and result.outcome == Outcome.CASED
    assert overlaid.answer(photograph, result.picture, asked.question.text) == "left"
    assert verdict(partial(alone.answer, as_jpeg(result.picture)), asked) == "agrees"
    assert Scene.from_json(result.arrangement.scene.to_json()) == result.arrangement.scene


@pytest.mark.parametrize("color", sorted(COLORS))
def test_where_a_color_is_lost_everywhere_a_photograph_is_left_alone(
    color: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    photograph, asked, settings = Image.new("RGB", (160, 120), near(color, 3, 10)), left_of(color), settings_for(*SMALL)
    assert overlay(Random(1), photograph, [asked], settings) == Outcome.UNCERTAIN
    monkeypatch.setattr(draw, "measures", lambda *_: ())
    result = overlay(Random(1), photograph, [asked], settings)
    assert isinstance(result, Overlaid) and result.outcome == Outcome.FIRST
    lost = next(box for box in result.arrangement.scene.boxes if box.color == color)
    step = rgb2lab(np.array(COLORS[color], np.uint8)) - rgb2lab(np.asarray(result.picture)[lost.top - 1, lost.left])
    assert np.linalg.norm(step) < 10


SMALL = Canvas(160, 120), Canvas(160, 120)


def left_of(color: str) -> Asked:
    """Ask for a box of a color, which lies left of another one."""
    return Asked(
        relation.TASK, relation.ask("A", color, "blue" if color != "blue" else "red", "left", ("left", "right"))
    )


def near(color: str, least: float, most: float) -> tuple[int, int, int]:
    """Return a color between a color and gray that differs from it by so much."""
    mixes = (blend(COLORS[color], share / 200) for share in range(200, 0, -1))
    return next(mixed for mixed in mixes if least < delta_e(mixed, COLORS[color]) < most)
