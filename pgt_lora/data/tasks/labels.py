"""Circles with letters in them, for the tasks that ask about letters."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from math import dist
from random import Random

from pgt_lora.core.errors import InputError
from pgt_lora.data.scene import Circle, Scene
from pgt_lora.data.style import Style
from pgt_lora.data.tasks.layout import fits, place_circle
from pgt_lora.data.tasks.task import Shortcut, TaskSettings

LETTERS = ("A", "B", "C", "D")
RADIUS = (0.05, 0.12)  # fractions of the short side; a letter is about as tall as its circle's radius
MAX_LEAST_RADIUS = 0.1  # where the smallest legible letter takes more, sizes hardly differ any more
OPACITY = (0.85, 1.0)  # of the varied style
INSTRUCTION = "Answer with the letter directly."


def radius_range(settings: TaskSettings) -> tuple[float, float]:
    """Return between which fractions of the short side a labeled circle's radius lies.

    Raises:
        InputError: the letters would be too small to read on this canvas.
    """
    canvas, letter_px = settings.canvas, settings.min_letter_px
    least = letter_px / canvas.short_side
    if least > MAX_LEAST_RADIUS:
        raise InputError(
            f"canvas {canvas}: letters would be smaller than {letter_px} pixels; take "
            f"{round(letter_px / MAX_LEAST_RADIUS)} or more"
        )
    return max(RADIUS[0], least), RADIUS[1]


def draw_opacity(rng: Random, settings: TaskSettings) -> float:
    """Return the opacity of a scene's labeled circles: none shows the ground in the plain style."""
    return rng.uniform(*OPACITY) if settings.style == Style.VARIED else 1.0


def place_labeled(rng: Random, settings: TaskSettings, color_of: Mapping[str, str]) -> list[Circle]:
    """Place one circle for each letter, of any sizes, apart from each other; return none where they do not fit.

    Raises:
        InputError: the letters would be too small to read on this canvas.
    """
    canvas, opacity = settings.canvas, draw_opacity(rng, settings)
    radius = {label: rng.uniform(*radius_range(settings)) for label in color_of}
    circles: list[Circle] = []
    for label in rng.sample(sorted(color_of), len(color_of)):
        draw = partial(place_circle, rng, canvas, color_of[label], radius[label], opacity=opacity, label=label)
        placed = fits(draw, [*settings.taken, *circles], canvas)
        if not placed:
            return []
        circles += placed
    return circles


def labeled(scene: Scene, letter: str) -> Circle:
    """Return the circle with this letter in it."""
    return next(circle for circle in scene.circles if circle.label == letter)


def asked_letter(text: str) -> str:
    """Return the letter of the circle that a question is about."""
    return re.findall(r"(?:closest to|circle with an?) ([A-D])\b", text)[0]


def options_in(scene: Scene, text: str) -> list[Circle]:
    """Return the circles that a question lets one choose from: all but the one that it is about."""
    return [circle for circle in scene.circles if circle.label != asked_letter(text)]


def _least(key: Callable[[Scene, Circle, Circle], float]) -> Shortcut:
    """Answer with the letter whose circle has the least of something, given the scene, the circle and the target."""

    def shortcut(scene: Scene, text: str) -> str:
        target = labeled(scene, asked_letter(text))
        return str(min(options_in(scene, text), key=lambda circle: key(scene, circle, target)).label)

    return shortcut


def _from_middle(scene: Scene, circle: Circle) -> float:
    return dist(circle.center, (scene.canvas.width / 2, scene.canvas.height / 2))


SHORTCUTS: dict[str, Shortcut] = {
    "the circle nearest to the middle": _least(lambda scene, circle, target: _from_middle(scene, circle)),
    "the circle farthest from the middle": _least(lambda scene, circle, target: -_from_middle(scene, circle)),
    "the largest circle": _least(lambda scene, circle, target: -circle.radius),
    "the smallest circle": _least(lambda scene, circle, target: circle.radius),
    "the circle most alike in size": _least(lambda scene, circle, target: abs(circle.radius - target.radius)),
    "the horizontal distance alone": _least(lambda scene, circle, target: abs(circle.x - target.x)),
    "the distance down alone": _least(lambda scene, circle, target: abs(circle.y - target.y)),
    "the circle that was drawn last": lambda scene, text: str(options_in(scene, text)[-1].label),
}
