"""The oracle that sees what differs from the photograph agrees with every answer, whatever the file and its size."""

from collections import Counter
from random import Random

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

from pgt_lora.data.overlay import draw
from pgt_lora.data.overlay.draw import Outcome, Overlaid, overlay
from pgt_lora.data.overlay.plan import Asked, settings_for
from pgt_lora.data.scene import Canvas, Scene
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.data.tasks import relation
from tests.support import overlaid
from tests.support.overlay_figures import TASKS, items


def agree(possible: tuple[str, ...], num: int, short: tuple[int, int], number: int = 1) -> Counter[Outcome]:
    """Check every answer, and return what became of the photographs."""
    outcomes: Counter[Outcome] = Counter()
    for photograph, asked, result in items(possible, num, short, number):
        if isinstance(result, Outcome):
            outcomes[result] += 1
            continue
        outcomes[result.outcome] += 1
        for each in asked:
            answer = overlaid.answer(photograph, result.picture, each.question.text)
            assert answer == each.question.answer, (each.question.text, photograph.size, outcomes.total())
    return outcomes


@pytest.mark.parametrize("task", TASKS)
def test_the_oracle_agrees(task: str) -> None:
    outcomes = agree((task,), 18, (80, 150))
    drawn = sum(outcomes[each] for each in (Outcome.FIRST, Outcome.ELSEWHERE, Outcome.OPAQUE, Outcome.CASED))
    assert drawn >= 12


@pytest.mark.parametrize("number", [2, 3])
def test_the_oracle_agrees_where_several_are_asked(number: int) -> None:
    outcomes = agree(TASKS, 8, (100, 150), number)
    assert outcomes.total() - sum(outcomes[each] for each in outcomes if each.value.startswith("left")) >= 5


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_the_oracle_agrees_on_a_thousand(task: str) -> None:
    outcomes = agree((task,), 1000, (80, 640))
    assert outcomes.total() > 900
    assert outcomes[Outcome.FIRST] > 300


@pytest.mark.slow
@pytest.mark.parametrize("number", [2, 3])
def test_the_oracle_agrees_on_many_where_several_are_asked(number: int) -> None:
    assert agree(TASKS, 300, (80, 640), number).total() > 250


@pytest.mark.parametrize("color", sorted(COLORS))
def test_where_a_color_is_lost_everywhere_a_casing_saves_it(color: str, monkeypatch: pytest.MonkeyPatch) -> None:
    near = tuple(min(255, channel + 8) for channel in COLORS[color])
    photograph = Image.new("RGB", (160, 120), near)
    other = "blue" if color != "blue" else "red"
    asked = Asked(relation.TASK, relation.ask("A", color, other, "left", ("left", "right")))
    settings = settings_for(Canvas(160, 120), Canvas(160, 120))
    result = overlay(Random(1), photograph, [asked], settings)
    assert isinstance(result, Overlaid) and result.outcome == Outcome.CASED
    assert overlaid.answer(photograph, result.picture, asked.question.text) == "left"
    assert Scene.from_json(result.arrangement.scene.to_json()) == result.arrangement.scene
    monkeypatch.setattr(draw, "measures", lambda *_: ())
    result = overlay(Random(1), photograph, [asked], settings)
    assert isinstance(result, Overlaid) and result.outcome == Outcome.FIRST
    lost = next(box for box in result.arrangement.scene.boxes if box.color == color)
    step = rgb2lab(np.array(COLORS[color], np.uint8)) - rgb2lab(np.asarray(result.picture)[lost.top - 1, lost.left])
    assert np.linalg.norm(step) < 10
