"""Scenes: colours that are told apart, primitives drawn where they are said to lie, and margins kept."""

from collections.abc import Iterator
from itertools import combinations
from math import dist, pi

import numpy as np
import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.core.streams import stream
from pgt_lora.data.generate import tasks
from pgt_lora.data.scene import Box, Canvas, Circle, Figure, Scene, render
from pgt_lora.data.scene.palette import (
    BACKGROUND,
    BLACK,
    COLORS,
    FIGURE_COLORS,
    MIN_DELTA_E,
    Rgb,
    blend,
    delta_e,
    label_color,
)
from pgt_lora.data.scene.render import OUTLINES
from pgt_lora.data.tasks import absolute_position, analogy, coordinates, counting, distance, relation
from pgt_lora.data.tasks.task import Question, Settings

CANVASES = ["112", "320x240", "240x448"]


def scenes(task: str, size: str, number: int = 300) -> Iterator[tuple[Question, Scene]]:
    """Compose scenes without drawing them."""
    settings = Settings(Canvas.parse(size))
    for index in range(number):
        rng = stream(3, "scenes", task, index)
        question = tasks()[task].plan(rng, settings)
        tried = (tasks()[task].compose(rng, settings, question) for _ in range(500))
        yield question, next(scene for scene in tried if scene is not None)


def extent(shape: Box | Circle | Figure) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of what should be painted, the last two exclusive."""
    if isinstance(shape, Figure):
        return shape.left, shape.top, shape.left + shape.side, shape.top + shape.side
    if isinstance(shape, Box):
        return shape.left, shape.top, shape.right + 1, shape.bottom + 1
    return shape.x - shape.radius, shape.y - shape.radius, shape.x + shape.radius, shape.y + shape.radius


def painted(scene: Scene) -> np.ndarray:
    return (np.asarray(render(scene)) != np.array(BACKGROUND)).any(axis=2)


def painted_extent(scene: Scene) -> tuple[int, ...]:
    rows, columns = np.nonzero(painted(scene))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_colors_are_told_apart_as_drawn() -> None:
    assert len(COLORS) >= 8
    lowest, highest = (round(255 * opacity) for opacity in counting.OPACITY)
    lights = [BLACK, *FIGURE_COLORS.values()]
    assert min(delta_e(first, second) for first, second in combinations(lights, 2)) >= MIN_DELTA_E
    for level in (255, *range(lowest, highest + 1)):
        drawn = [BACKGROUND, *(blend(color, level / 255) for color in COLORS.values())]
        assert min(delta_e(first, second) for first, second in combinations(drawn, 2)) >= MIN_DELTA_E, level


@pytest.mark.parametrize("opacity", [1.0, 0.7, *counting.OPACITY])
@pytest.mark.parametrize("color", COLORS)
def test_blend_is_what_is_drawn(color: str, opacity: float) -> None:
    image = render(Scene(Canvas(20, 20), (), (Circle(color, 10, 10, 5, opacity),)))
    assert image.getpixel((10, 10)) == blend(COLORS[color], opacity)


@pytest.mark.parametrize(
    ("first", "second", "reference"),
    [
        ((255, 255, 255), (0, 0, 0), 100.0),
        ((255, 0, 0), (0, 255, 0), 170.6),
        ((255, 0, 0), (0, 0, 255), 176.3),
        ((119, 119, 119), (0, 0, 0), 50.0),
        ((7, 8, 9), (7, 8, 9), 0.0),
    ],
)
def test_color_differences_are_those_of_the_literature(first: Rgb, second: Rgb, reference: float) -> None:
    assert delta_e(first, second) == pytest.approx(reference, abs=0.1)
    assert delta_e(second, first) == delta_e(first, second)


def test_scenes_come_back_from_json() -> None:
    box, circle = Box("red", 1, 2, 9, 8), Circle("blue", 20, 21, 6, 0.625, "C")
    plain = Scene(Canvas(40, 30), (box,), (circle, Circle("pink", 30, 10, 4)))
    for scene in (plain, Scene(Canvas(40, 30), figures=(Figure("white", "star", 3, 4, 9),))):
        assert Scene.from_json(scene.to_json()) == scene
        assert "\n" not in scene.to_json()
    assert "figures" not in plain.to_json()  # else every dataset's bytes would change


@pytest.mark.parametrize(("text", "size"), [("448", (448, 448)), ("640x480", (640, 480)), ("64X32", (64, 32))])
def test_canvases_are_read(text: str, size: tuple[int, int]) -> None:
    canvas = Canvas.parse(text)
    assert (canvas.width, canvas.height) == size
    assert canvas.short_side == min(size)
    assert Canvas.parse(str(canvas)) == canvas


@pytest.mark.parametrize(
    "text", ["", "x", "448x", "x448", "0", "0x9", "-4", "4.5", "1x2x3", "448 x 448", "big", "٣", "²"]
)
def test_bad_canvases_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="WIDTHxHEIGHT"):
        Canvas.parse(text)


@pytest.mark.parametrize("fill", COLORS.values(), ids=COLORS)
def test_labels_stand_out(fill: Rgb) -> None:
    lightness = sorted(luminance(color) for color in (fill, label_color(fill)))
    assert (lightness[1] + 0.05) / (lightness[0] + 0.05) >= 4.5  # WCAG 2.2, contrast of text


def luminance(color: Rgb) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (channel / 255 for channel in color)]
    return float(np.dot((0.2126, 0.7152, 0.0722), linear))


@pytest.mark.parametrize("side", [16, 17, 63, 152])
def test_boxes_cover_their_extent(side: int) -> None:
    box = Box("red", 5, 7, 5 + side - 1, 7 + side + 3)
    scene = Scene(Canvas(240, 200), (box,))
    assert painted_extent(scene) == extent(box)
    x, y = box.center
    assert not painted(scene)[int(y), int(x)]
    assert (painted(scene)[7 : box.bottom + 1, 5]).all()


@pytest.mark.parametrize("radius", [3, 4, 8, 10, 15, 31, 58])
def test_circles_cover_their_extent(radius: int) -> None:
    circle = Circle("red", 70, 75, radius)
    scene = Scene(Canvas(160, 150), (), (circle,))
    assert painted_extent(scene) == extent(circle)
    assert painted(scene).sum() == pytest.approx(pi * radius**2, rel=0.16)
    disc = painted(scene)[75 - radius : 75 + radius, 70 - radius : 70 + radius]
    assert (disc == disc[::-1]).all()
    assert (disc == disc.T).all()


@pytest.mark.parametrize("side", [5, 10, 33, 66])
@pytest.mark.parametrize("shape", ["circle", *OUTLINES])
def test_figures_fill_their_square_and_no_more(shape: str, side: int) -> None:
    pixels = np.asarray(render(Scene(Canvas(100, 90), figures=(Figure("yellow", shape, 7, 9, side),))))
    rows, columns = np.nonzero(pixels.any(axis=2))
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (7, 9, 7 + side, 9 + side)
    assert (pixels[..., 2] == 0).all()
    assert (pixels[..., 0] == pixels[..., 1]).all()
    inside = pixels[9 : 9 + side, 7 : 7 + side, 0]
    assert np.abs(inside.astype(int) - inside[:, ::-1]).max() <= 40  # left and right alike


@pytest.mark.parametrize("radius", [10, 12, 15, 40, 58])
@pytest.mark.parametrize("letter", "ABCD")
def test_letters_stay_in_their_circles(letter: str, radius: int) -> None:
    plain, lettered = (
        Scene(Canvas(160, 150), (), (Circle("red", 70, 75, radius, 1.0, label),)) for label in (None, letter)
    )
    assert (painted(plain) == painted(lettered)).all()
    ink = np.nonzero((np.asarray(render(plain)) != np.asarray(render(lettered))).any(axis=2))
    assert (np.hypot(ink[0] + 0.5 - 75, ink[1] + 0.5 - 70) < 0.9 * radius).all()
    assert np.ptp(ink[0]) + 1 == pytest.approx(radius, abs=2.5)


@pytest.mark.parametrize("size", CANVASES)
@pytest.mark.parametrize("task", tasks())
def test_nothing_leaves_the_canvas_or_touches(task: str, size: str) -> None:
    for _, scene in scenes(task, size):
        shapes = [*scene.boxes, *scene.circles, *scene.figures]
        left, top, right, bottom = np.array([extent(shape) for shape in shapes]).T
        assert min(left.min(), top.min()) >= 0
        assert right.max() <= scene.canvas.width
        assert bottom.max() <= scene.canvas.height
        for first, second in combinations(scene.circles, 2):
            assert dist(first.center, second.center) >= first.radius + second.radius + 1
        for a, b in combinations(map(extent, [*scene.boxes, *scene.figures]), 2):
            assert a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]


@pytest.mark.parametrize("size", CANVASES)
def test_the_nearest_is_clearly_nearest(size: str) -> None:
    for question, scene in scenes("distance", size):
        place = {circle.label: circle.center for circle in scene.circles}
        target = place.pop(question.about["target"])
        nearest, following, _ = sorted((dist(target, center), label) for label, center in place.items())
        assert nearest[1] == question.answer
        assert nearest[0] <= 0.75 * following[0]


@pytest.mark.parametrize("size", CANVASES)
def test_relations_hold_by_a_margin(size: str) -> None:
    for question, scene in scenes("relation", size):
        by_color = {box.color: box for box in scene.boxes}
        a, b = by_color[question.about["color_a"]], by_color[question.about["color_b"]]
        axis = 0 if question.about["answer"] in ("left", "right") else 1
        first, second = (a, b) if question.about["answer"] in ("left", "above") else (b, a)
        assert extent(second)[axis] - extent(first)[axis + 2] >= 0.04 * scene.canvas.short_side
        offset = np.abs(np.subtract(a.center, b.center))
        assert offset[1 - axis] <= 0.5 * offset[axis]


def test_doubt_is_called_ambiguous() -> None:
    canvas, here = Canvas(448, 448), {"target": "A", "color": "red", "color_a": "red", "color_b": "blue"}
    diagonal = Scene(canvas, (Box("red", 10, 10, 100, 100), Box("blue", 200, 200, 300, 300)))
    assert relation.solve(diagonal, here) == "ambiguous"
    cross = [
        Circle("red", 200 + x, 200 + y, 20, 1.0, label)
        for label, x, y in zip("ABCD", (0, 90, -95, 0), (0, 0, 0, 150), strict=True)
    ]
    assert distance.solve(Scene(canvas, (), tuple(cross)), here) == "ambiguous"
    assert analogy.solve(Scene(canvas, (), tuple(cross)), here) == "ambiguous"
    half = Scene(Canvas(200, 200), (Box("red", 30, 30, 80, 80),))  # centre: (0.2775, 0.2775)
    assert coordinates.solve(half, here) == "(0.28, 0.28)"
    assert coordinates.solve(Scene(Canvas(200, 200), (Box("red", 30, 30, 79, 79),)), here) == "ambiguous"
    between = Scene(Canvas(90, 90), figures=(Figure("red", "star", 26, 10, 10),))
    twins = Scene(Canvas(90, 90), figures=(Figure("red", "star", 5, 10, 10), Figure("red", "star", 50, 10, 10)))
    asked = {"color": "red", "shape": "star"}
    assert [absolute_position.solve(scene, asked) for scene in (between, twins)] == ["ambiguous"] * 2
