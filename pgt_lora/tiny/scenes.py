"""Scenes for pre-training: the primitives of PGT, in arrangements that its tasks do not use."""

from functools import partial
from random import Random

from pgt_lora.data.scene import Box, Canvas, Circle, Scene
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.data.tasks.layout import fits, place_box, place_circle

CANVAS = Canvas(112, 112)
LETTERS = "ABCD"
BOX_SIDE = (0.14, 0.34)


def shapes(rng: Random) -> Scene:
    """Draw two to five boxes and unlabelled circles, each of its own colour."""
    boxes: list[Box] = []
    circles: list[Circle] = []
    for color in rng.sample(sorted(COLORS), rng.randint(2, 5)):
        taken: list[Box | Circle] = [*boxes, *circles]
        if rng.random() < 0.5:
            boxes += fits(partial(place_box, rng, CANVAS, color, BOX_SIDE), taken, CANVAS)
        else:
            radius, opacity = rng.uniform(0.05, 0.13), rng.uniform(0.6, 1.0)
            circles += fits(partial(place_circle, rng, CANVAS, color, radius, opacity=opacity), taken, CANVAS)
    return Scene(CANVAS, tuple(boxes), tuple(circles))


def dots(rng: Random) -> Scene:
    """Draw one to fourteen small translucent circles of one to four colours."""
    circles: list[Circle] = []
    opacity = rng.uniform(0.6, 0.8)
    pool = rng.sample(sorted(COLORS), rng.randint(1, 4))
    for _ in range(rng.randint(1, 14)):
        radius = rng.uniform(0.035, 0.07)
        circles += fits(partial(place_circle, rng, CANVAS, rng.choice(pool), radius, opacity=opacity), circles, CANVAS)
    return Scene(CANVAS, (), tuple(circles))


def letters(rng: Random) -> Scene:
    """Draw two to four labelled circles of one size and of any colours."""
    circles: list[Circle] = []
    radius = rng.uniform(0.09, 0.13)
    pool = rng.sample(sorted(COLORS), rng.randint(2, len(COLORS)))
    for label in rng.sample(LETTERS, rng.randint(2, 4)):
        color = rng.choice(pool)
        circles += fits(partial(place_circle, rng, CANVAS, color, radius, label=label), circles, CANVAS)
    return Scene(CANVAS, (), tuple(circles))
