"""Circles with letters in them, for the tasks that ask about letters."""

from collections.abc import Mapping
from functools import partial
from random import Random

from pgt_lora.core.errors import InputError
from pgt_lora.data.scene import Canvas, Circle, Scene
from pgt_lora.data.tasks.layout import fits, place_circle

LETTERS = ("A", "B", "C", "D")
RADIUS = (0.09, 0.13)  # fractions of the short side; a letter is about as tall as its circle's radius
MIN_LETTER_PX = 9


def place_labelled(rng: Random, canvas: Canvas, color_of: Mapping[str, str]) -> list[Circle]:
    """Place one circle for each letter, all of one size and apart; return none where they do not fit.

    Raises:
        InputError: the letters would be too small to read on this canvas.
    """
    if RADIUS[0] * canvas.short_side < MIN_LETTER_PX:
        needed = round(MIN_LETTER_PX / RADIUS[0])
        raise InputError(
            f"canvas {canvas}: letters would be smaller than {MIN_LETTER_PX} pixels; take {needed} or more"
        )
    radius = rng.uniform(*RADIUS)
    circles: list[Circle] = []
    for label in rng.sample(sorted(color_of), len(color_of)):
        draw = partial(place_circle, rng, canvas, color_of[label], radius, label=label)
        placed = fits(draw, circles, canvas)
        if not placed:
            return []
        circles += placed
    return circles


def labelled(scene: Scene, letter: str) -> Circle:
    """Return the circle with this letter in it."""
    return next(circle for circle in scene.circles if circle.label == letter)
