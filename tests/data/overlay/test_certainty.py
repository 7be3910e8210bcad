"""What is measured of primitives, on pictures of known content."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

from pgt_lora.data.overlay.certainty import Measure, measures
from pgt_lora.data.scene import Box, Canvas, Circle, Scene, render
from pgt_lora.data.scene.colors import lab
from pgt_lora.data.scene.palette import COLORS, delta_e
from pgt_lora.data.scene.render import casing_width

CANVAS = Canvas(200, 160)
GRAY = (128, 128, 128)


def measure(scene: Scene, photograph: Image.Image) -> Measure:
    (only,) = measures(scene, render(scene, photograph))
    return only


def halves(left: tuple[int, int, int], right: tuple[int, int, int], edge: int = 100) -> Image.Image:
    image = Image.new("RGB", (200, 160), left)
    image.paste(right, (edge, 0, 200, 160))
    return image


def test_many_pixels_have_the_colors_that_one_has() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 3), np.uint8)
    assert np.allclose(lab(pixels), rgb2lab(pixels), atol=0.05)
    first, second = (tuple(int(channel) for channel in each) for each in pixels[:2])
    assert np.linalg.norm(lab(pixels[0]) - lab(pixels[1])) == pytest.approx(delta_e(first, second), abs=1e-6)  # type: ignore[arg-type]


@pytest.mark.parametrize("each", [Box("red", 60, 50, 100, 90), Circle("red", 80, 70, 20)])
def test_the_border_is_measured_on_every_side(each: Box | Circle) -> None:
    scene = Scene(CANVAS, (each,), ()) if isinstance(each, Box) else Scene(CANVAS, (), (each,))
    plain = measure(scene, Image.new("RGB", (200, 160), GRAY))
    assert plain.is_certain and plain.median == plain.low == pytest.approx(delta_e(COLORS["red"], GRAY), abs=0.01)
    assert not measure(scene, Image.new("RGB", (200, 160), (215, 30, 25))).is_certain
    partly = measure(scene, halves(GRAY, (215, 30, 25), edge=90))  # a part of the border is lost, most of it is not
    assert partly.median > 35 and partly.low < 10 and not partly.is_certain
    cased = replace(scene, look=replace(scene.look, casing_px=casing_width(CANVAS)))
    dull = Image.new("RGB", (200, 160), (185, 35, 30))
    assert measure(cased, dull).is_certain and not measure(scene, dull).is_certain
    lost = measure(cased, Image.new("RGB", (200, 160), (215, 30, 25)))  # the casing alone stands out
    assert lost.low > 35 and lost.own == 0 and not lost.is_certain


def test_a_circle_that_takes_another_color_on_is_uncertain() -> None:
    scene = Scene(CANVAS, (), (Circle("red", 100, 80, 20, opacity=0.6),))
    assert measure(scene, Image.new("RGB", (200, 160), GRAY)).own == 1
    over_white = measure(scene, halves(GRAY, (255, 255, 255)))
    assert over_white.own == pytest.approx(0.5, abs=0.05) and not over_white.is_certain
    opaque = replace(scene, circles=(replace(scene.circles[0], opacity=1.0),))
    assert measure(opaque, halves(GRAY, (255, 255, 255))).own == 1
