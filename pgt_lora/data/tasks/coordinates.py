"""Normalized center of a named box (arXiv 2605.23883, section 3.1 and figure 2).

The paper's example answers in tenths. Two decimals are asked here, so that the tolerance of 0.05 keeps its meaning.
"""

import re
from collections.abc import Mapping
from math import dist
from random import Random

from pgt_lora.core.errors import InputError
from pgt_lora.data.scene import Box, Scene
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.data.tasks.layout import box_around, draw_px, fits
from pgt_lora.data.tasks.task import Probe, Question, Shortcut, Task, TaskSettings, Traits

# The answer has two decimals. A center nearer than this to where the rounding turns is not used.
MIN_ROUNDING_MARGIN = 0.0005
RANGE = (10, 90)  # hundredths of the canvas
# Of the short side: any of these boxes fits at the ends of the range, so that no size tells a place.
SIDE = (0.08, 0.15)
TEMPLATES = ("A", "B")
Hundredths = tuple[int, int]


def plan(rng: Random, settings: TaskSettings) -> Question:
    """Draw the colors, the center and the template."""
    color, other = rng.sample(sorted(COLORS), 2)
    return ask(color, other, draw_point(rng), rng.choice(TEMPLATES))


def draw_point(rng: Random) -> Hundredths:
    """Draw a center."""
    return rng.randint(*RANGE), rng.randint(*RANGE)


def ask(color: str, other: str, point: Hundredths, template: str) -> Question:
    """Word the question: A as the paper prints it, B with an explicit form."""
    about = {"color": color, "other": other, "answer": written(point, "B")}
    if template == "A":
        text = f"What are the normalized coordinates of the center of the {color} box?"
    else:
        text = (
            f"What are the coordinates of the center of the {color} box? Answer as (x, y) with two decimals, from "
            "(0.00, 0.00) at the top left to (1.00, 1.00) at the bottom right of the image."
        )
    return Question(text, written(point, template), template, "point", None, about)


def written(point: Hundredths, template: str) -> str:
    """Return a point as a template's answer: `[0.62, 0.2]` without trailing zeros, or `(0.62, 0.20)`."""
    x, y = (value / 100 for value in point)
    return f"[{x:g}, {y:g}]" if template == "A" else f"({x:.2f}, {y:.2f})"


def compose(rng: Random, settings: TaskSettings, question: Question) -> Scene | None:
    """Center a box on the planned point, to the half pixel, and another one anywhere clear of it."""
    canvas, about = settings.canvas, question.about
    if canvas.short_side < 56:
        raise InputError(f"canvas {canvas}: coordinates need sides of 56 pixels or more for two decimals")
    x, y = (float(part) for part in about["answer"].strip("()").split(", "))
    box = box_around(canvas, about["color"], x, y, draw_px(rng, canvas, SIDE), draw_px(rng, canvas, SIDE))
    low, high = (bound / 100 for bound in RANGE)

    def another() -> Box:  # as free in its place as the asked one, so that no place tells which is asked
        x, y = rng.uniform(low, high), rng.uniform(low, high)
        sides = draw_px(rng, canvas, SIDE), draw_px(rng, canvas, SIDE)
        return box_around(canvas, about["other"], x, y, *sides)

    other = fits(another, [box, *settings.taken], canvas)
    scene = Scene(canvas, tuple(rng.sample([box, *other], 1 + len(other))))
    return scene if other and solve(scene, about) == about["answer"] else None


def solve(scene: Scene, about: Mapping[str, str]) -> str:
    """Return the center as `(x, y)` with two decimals, or `ambiguous` where the rounding hangs on a hair."""
    x, y = scene.canvas.place(_box(scene, about["color"]))
    if any(abs(100 * v - round(100 * v)) > 0.5 - 100 * MIN_ROUNDING_MARGIN for v in (x, y)):
        return "ambiguous"
    return f"({x:.2f}, {y:.2f})"


def _box(scene: Scene, color: str) -> Box:
    return next(box for box in scene.boxes if box.color == color)


def probe(rng: Random, settings: TaskSettings) -> Probe:
    """Ask for the same box in two scenes, in both templates."""
    color, other = rng.sample(sorted(COLORS), 2)
    point = draw_point(rng)
    another = next(each for each in iter(lambda: draw_point(rng), point))
    first, second = ([ask(color, other, each, template) for template in TEMPLATES] for each in (point, another))
    return first, second


def traits(scene: Scene, text: str) -> Traits:
    """Measure the box and how far it lies from the middle of the image."""
    box = _asked(scene, text)
    x, y = scene.canvas.place(box)
    side = min(box.right - box.left, box.bottom - box.top) + 1
    numbers = {"shorter side": side / scene.canvas.short_side, "distance from the middle": dist((x, y), (0.5, 0.5))}
    return Traits(numbers, {"color": box.color}, ((x, y),))


def _center(box: Box, scene: Scene) -> str:
    x, y = scene.canvas.place(box)
    return f"({x:.2f}, {y:.2f})"


def _asked(scene: Scene, text: str) -> Box:
    return _box(scene, re.findall(r"the (\w+) box", text)[0])


def _other(scene: Scene, text: str) -> str:
    return _center(next(box for box in scene.boxes if box != _asked(scene, text)), scene)


def _across_alone(scene: Scene, text: str) -> str:
    return f"({scene.canvas.place(_asked(scene, text))[0]:.2f}, 0.50)"


def _largest(scene: Scene, text: str) -> str:
    return _center(max(scene.boxes, key=lambda box: (box.right - box.left) * (box.bottom - box.top)), scene)


def _nearest_to_middle(scene: Scene, text: str) -> str:
    return _center(min(scene.boxes, key=lambda box: dist(scene.canvas.place(box), (0.5, 0.5))), scene)


SHORTCUTS: dict[str, Shortcut] = {
    "the middle of the image": lambda scene, text: "(0.50, 0.50)",
    "the other box": _other,
    "the right box, horizontal coordinate alone": _across_alone,
    "the larger box": _largest,
    "the box nearest to the middle": _nearest_to_middle,
    "the box that was drawn first": lambda scene, text: _center(scene.boxes[0], scene),
}

TASK = Task(
    "coordinates", "relational", plan, compose, solve, shortcuts=SHORTCUTS, sees="place", probe=probe, traits=traits
)
