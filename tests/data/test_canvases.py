"""Canvases far from a square."""

import io
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from pgt_lora.core.errors import InputError
from pgt_lora.core.streams import stream
from pgt_lora.data.generate import check_varied, find_scene, generate, make_sample
from pgt_lora.data.scene import Canvas, Scene
from pgt_lora.data.style import Style
from pgt_lora.data.tasks.layout import EDGE_MARGIN, extent, margin_px
from pgt_lora.data.tasks.relation import MAX_OFF_AXIS, MIN_GAP
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.data.weights import parse_weights
from tests.support import oracle
from tests.support.discovered import TASKS

SIZES = ["2000x112", "112x2000", "340x112", "104x1040"]


@pytest.mark.parametrize("size", SIZES)
def test_every_task_finds_its_scenes(size: str) -> None:
    settings = TaskSettings(Canvas.parse(size), max_count=3)
    for name, task in TASKS.items():
        rng = stream(0, size, name)
        for _ in range(5):
            find_scene(rng, task, task.plan(rng, settings), settings)


@pytest.mark.parametrize("size", SIZES)
def test_relations_are_clear_and_inside(size: str) -> None:
    canvas = Canvas.parse(size)
    edge = margin_px(canvas, EDGE_MARGIN)
    answers: Counter[str] = Counter()
    first_drawn: Counter[bool] = Counter()
    for index in range(60):
        sample, rejected = make_sample(
            index, seed=0, split="test", weights={"relation": 1.0}, settings=TaskSettings(canvas)
        )
        assert rejected == 0
        assert oracle.answer(Image.open(io.BytesIO(sample.images[0])), sample.question) == sample.answer
        one, other = Scene.from_json(sample.scene or "").boxes
        spans = [extent(one), extent(other)]
        assert all(min(span[:2]) >= edge for span in spans)
        assert all(span[2] <= canvas.width - edge and span[3] <= canvas.height - edge for span in spans)
        across = min(abs(a - b) for a, b in zip(one.center, other.center, strict=True))
        assert across <= MAX_OFF_AXIS * canvas.short_side + 1
        gaps = [max(spans[0][i] - spans[1][i + 2], spans[1][i] - spans[0][i + 2]) for i in (0, 1)]
        assert max(gaps) >= MIN_GAP * canvas.short_side
        answers[sample.answer] += 1
        first_drawn[one.center < other.center] += 1
    assert set(answers) == {"above", "below", "left", "right", "True", "False"}
    assert min(first_drawn.values()) > 15


def test_varied_canvases_that_are_too_small_are_told_before_anything_is_drawn(tmp_path: Path) -> None:
    weights = {"relation": 1.0, "analogy": 1.0}
    settings = TaskSettings(Canvas(96, 96), style=Style.VARIED)
    said = "canvas 96x96: --style varied also draws on 86x86, which is too small for analogy; take 100 or more"
    with pytest.raises(InputError, match=said):
        generate(tmp_path / "a", num_samples=1, seed=0, weights=weights, settings=settings)
    for side in (100, 112):
        check_varied(parse_weights("families"), replace(settings, canvas=Canvas(side, side)))
    check_varied({"relation": 1.0, "absolute_position": 1.0}, settings)
    check_varied(weights, replace(settings, style=Style.PLAIN))


@pytest.mark.parametrize(("name", "advice"), [("counting", "smaller --max-count"), ("relation", "nearer to a square")])
def test_the_advice_is_the_task_s_own(name: str, advice: str) -> None:
    never = replace(TASKS[name], compose=lambda *arguments: None)
    settings, rng = TaskSettings(), stream(0, name)
    with pytest.raises(InputError, match=advice):
        find_scene(rng, never, never.plan(rng, settings), settings)
