"""Normalised centre of a named box (paper, section 3.1; the paper prints no template, this wording is ours)."""

from collections.abc import Mapping
from functools import partial
from math import dist
from random import Random

from pgt_lora.core.errors import InputError
from pgt_lora.data.scene import Box, Scene
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.data.tasks.layout import fits, place_box
from pgt_lora.data.tasks.task import Probe, Question, Task, TaskSettings, Traits

# The answer has two decimals. A centre nearer than this to where the rounding turns is drawn again.
MIN_ROUNDING_MARGIN = 0.0005
RANGE = (10, 90)  # hundredths of the canvas


def plan(rng: Random, settings: TaskSettings) -> Question:
    """Draw the colours and the centre."""
    color, other = rng.sample(sorted(COLORS), 2)
    return ask(color, other, draw_point(rng))


def draw_point(rng: Random) -> str:
    """Draw an answer."""
    return f"({rng.randint(*RANGE) / 100:.2f}, {rng.randint(*RANGE) / 100:.2f})"


def ask(color: str, other: str, answer: str) -> Question:
    """Word the question."""
    text = (
        f"What are the coordinates of the center of the {color} box? Answer as (x, y) with two decimals, from "
        "(0.00, 0.00) at the top left to (1.00, 1.00) at the bottom right of the image."
    )
    return Question(text, answer, "A", "point", None, {"color": color, "other": other, "answer": answer})


def compose(rng: Random, settings: TaskSettings, question: Question) -> Scene | None:
    """Centre a box on the planned point, to the half pixel, and put another one clear of it."""
    canvas = settings.canvas
    if canvas.short_side < 56:
        raise InputError(f"canvas {canvas}: coordinates need sides of 56 pixels or more to tell two decimals apart")
    x, y = (float(part) for part in question.about["answer"].strip("()").split(", "))
    shape = place_box(rng, canvas, question.about["color"])
    width, height = shape.right - shape.left + 1, shape.bottom - shape.top + 1
    left, top = round(x * canvas.width - width / 2), round(y * canvas.height - height / 2)
    box = Box(shape.color, left, top, left + width - 1, top + height - 1)
    if left < 0 or top < 0 or box.right >= canvas.width or box.bottom >= canvas.height:
        return None
    other = fits(partial(place_box, rng, canvas, question.about["other"]), [box], canvas)
    boxes = rng.sample([box, *other], 1 + len(other))
    scene = Scene(canvas, tuple(boxes))
    return scene if other and solve(scene, question.about) == question.about["answer"] else None


def solve(scene: Scene, about: Mapping[str, str]) -> str:
    """Return the centre as `(x, y)` with two decimals, or `ambiguous` where the rounding hangs on a hair."""
    box = next(box for box in scene.boxes if box.color == about["color"])
    x, y = box.center[0] / scene.canvas.width, box.center[1] / scene.canvas.height
    if any(abs(100 * v - round(100 * v)) > 0.5 - 100 * MIN_ROUNDING_MARGIN for v in (x, y)):
        return "ambiguous"
    return f"({x:.2f}, {y:.2f})"


def probe(rng: Random, settings: TaskSettings) -> Probe:
    """Ask for the same box in two scenes; there is one wording."""
    color, other = rng.sample(sorted(COLORS), 2)
    point = draw_point(rng)
    another = next(each for each in iter(lambda: draw_point(rng), point))
    return [ask(color, other, point)], [ask(color, other, another)]


def traits(scene: Scene, text: str) -> Traits:
    """Measure the box and how far it lies from the middle of the image."""
    box = next(box for box in scene.boxes if box.color in text.split())
    x, y = scene.canvas.place(box)
    side = min(box.right - box.left, box.bottom - box.top) + 1
    numbers = {"shorter side": side / scene.canvas.short_side, "distance from the middle": dist((x, y), (0.5, 0.5))}
    return Traits(numbers, {"color": box.color}, ((x, y),))


TASK = Task("coordinates", "relational", plan, compose, solve, sees="place", probe=probe, traits=traits)
