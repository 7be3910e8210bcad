"""Primitives are drawn where they are said to lie."""

from math import pi

import numpy as np
import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.scene import Box, Canvas, Circle, Figure, Scene, render
from pgt_lora.data.scene.render import OUTLINES
from tests.support.scenes import extent, painted, painted_extent


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
