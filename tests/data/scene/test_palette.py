"""Colors are told apart."""

from itertools import combinations

import numpy as np
import pytest

from pgt_lora.data.scene import Canvas, Circle, Scene, render
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
from pgt_lora.data.style import Style
from pgt_lora.data.tasks import counting


def test_colors_are_told_apart_as_drawn() -> None:
    assert len(COLORS) >= 8
    lowest, highest = (round(255 * opacity) for opacity in counting.OPACITY[Style.PLAIN])
    lights = [BLACK, *FIGURE_COLORS.values()]
    assert min(delta_e(first, second) for first, second in combinations(lights, 2)) >= MIN_DELTA_E
    for level in (255, *range(lowest, highest + 1)):
        drawn = [BACKGROUND, *(blend(color, level / 255) for color in COLORS.values())]
        assert min(delta_e(first, second) for first, second in combinations(drawn, 2)) >= MIN_DELTA_E, level


@pytest.mark.parametrize("opacity", [1.0, 0.7, *counting.OPACITY[Style.PLAIN]])
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


@pytest.mark.parametrize("fill", COLORS.values(), ids=COLORS)
def test_labels_stand_out(fill: Rgb) -> None:
    lightness = sorted(luminance(color) for color in (fill, label_color(fill)))
    assert (lightness[1] + 0.05) / (lightness[0] + 0.05) >= 4.5  # WCAG 2.2, contrast of text


def luminance(color: Rgb) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (channel / 255 for channel in color)]
    return float(np.dot((0.2126, 0.7152, 0.0722), linear))
