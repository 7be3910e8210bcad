"""Number of circles of one color among others (arXiv 2605.23883, section 3.1, figure 2 and appendix A.2).

Three numbers are drawn with each question, and the scene holds a group of each of these sizes: whichever group is
looked at, the largest or the smallest, it is the one that is asked for in a third of the scenes.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import dist, pi
from random import Random
from statistics import mean

from pgt_lora.core.errors import InputError
from pgt_lora.data.scene import Circle, Scene
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.data.style import Style
from pgt_lora.data.tasks.layout import GAP, clear, margin_px, place_circle
from pgt_lora.data.tasks.task import Probe, Question, Shortcut, Task, TaskSettings, Traits, wording

RADIUS = (0.035, 0.07)  # fractions of the short side
MIN_RADIUS_PX = 3
CROWD = 0.3  # the largest radius is at most this over the root of the number of circles, so that many fit
# Translucent, as in the paper, yet every color stays told apart from gray and from the others.
OPACITY = {Style.PLAIN: (0.6, 0.8), Style.VARIED: (0.75, 1.0)}
# Of the varied style: how deep circles of two colors may lie in each other, as a part of the smallest radius.
MAX_OVERLAP = 0.3
TRIES = 200  # for the place of a circle
MAX_COVERED = 0.6  # of the canvas: more circles than that, each with half of its gap, are never placed at random


def plan(rng: Random, settings: TaskSettings) -> Question:
    """Draw the number, the color and the template.

    The three options are a cyclic run of counts in which each place is equally likely to hold the answer: options
    drawn around the answer would give it away as the middle one.
    """
    top = settings.max_count
    if top < 3:
        raise InputError(f"max_count {top}: three options need a max_count of at least 3")
    number, color, template = rng.randint(0, top), rng.choice(sorted(COLORS)), rng.choice("ABC")
    if template == "A":
        return ask(color, number, top, bare=rng.random() < 0.5)
    return ask(color, number, top, draw_options(rng, number, top), template)


def draw_options(rng: Random, number: int, top: int) -> list[int]:
    """Draw three numbers from 0 to `top` that hold the answer, in random order."""
    step = rng.choice([step for step in (1, 2) if 3 * step <= top + 1])
    start = number - step * rng.randrange(3)
    options = [(start + step * place) % (top + 1) for place in range(3)]
    rng.shuffle(options)
    return options


def ask(
    color: str, number: int, top: int, options: Sequence[int] = (), template: str = "A", *, bare: bool = False
) -> Question:
    """Word the question: A without options, B and C with them."""
    about = {"color": color, "answer": str(number)}
    if not options:
        text, name = wording(
            f"How many {color} overlay circles are there?", "A", "Answer with the number directly", bare=bare
        )
        return Question(text, str(number), name, "number", tuple(str(n) for n in range(top + 1)), about)
    lettered = list(zip("ABC", options, strict=True))
    if template == "B":
        text = f"How many {color} overlay circles are there?"
        text += "".join(f" ({letter}) {option}" for letter, option in lettered)
        text += " Answer with the option's letter from the given choices directly"
    else:
        text = f"There are several colored overlaid circles in this image. How many {color} circles are there?\n"
        text += "".join(f"{letter}. {option}\n" for letter, option in lettered)
        text += "Answer with the letter from the correct option directly."
    return Question(text, "ABC"[options.index(number)], template, "letter", ("A", "B", "C"), about)


def compose(rng: Random, settings: TaskSettings, question: Question) -> Scene | None:
    """Place a group of circles for each of the three numbers, and up to two small groups beside them."""
    canvas = settings.canvas
    if RADIUS[0] * canvas.short_side < MIN_RADIUS_PX:
        raise InputError(
            f"canvas {canvas}: circles would be smaller than {2 * MIN_RADIUS_PX} pixels; give a larger one"
        )
    colors = draw_colors(rng, settings, question)
    opacity = rng.uniform(*OPACITY[settings.style])
    radius = RADIUS[0], max(RADIUS[0], min(RADIUS[1], CROWD / max(1, len(colors)) ** 0.5))
    gap_px = margin_px(canvas, GAP)
    overlap_px = int(MAX_OVERLAP * RADIUS[0] * canvas.short_side)
    gap_to_others_px = -overlap_px if settings.style == Style.VARIED and rng.random() < 0.5 else gap_px
    least_area = len(colors) * pi * (RADIUS[0] * canvas.short_side + gap_px / 2) ** 2
    if least_area > MAX_COVERED * canvas.width * canvas.height:
        return None
    circles: list[Circle] = []
    for color in rng.sample(colors, len(colors)):
        size = rng.uniform(*radius)
        for _ in range(TRIES):
            circle = place_circle(rng, canvas, color, size, opacity=opacity)
            apart = all(clear(circle, each, gap_px if each.color == color else gap_to_others_px) for each in circles)
            if apart and all(clear(circle, each, gap_px) for each in settings.taken):
                circles.append(circle)
                break
        else:
            return None
    return Scene(canvas, (), tuple(circles))


def draw_colors(rng: Random, settings: TaskSettings, question: Question) -> list[str]:
    """Return the color of every circle: as many of each of three colors as the three numbers say, and a few more."""
    asked, number = question.about["color"], int(question.about["answer"])
    options = [int(option) for option in re.findall(r"\d+", question.about.get("sizes", question.text))]
    others = [size for size in options or draw_options(rng, number, settings.max_count) if size != number]
    sizes = [*others, *(rng.randint(1, 3) for _ in range(rng.randint(0, 2)))]
    names = rng.sample([color for color in sorted(COLORS) if color != asked], len(sizes))
    return [asked] * number + [name for name, size in zip(names, sizes, strict=True) for _ in range(size)]


def solve(scene: Scene, about: Mapping[str, str]) -> str:
    """Return the number of circles of the color."""
    return str(sum(circle.color == about["color"] for circle in scene.circles))


def probe(rng: Random, settings: TaskSettings) -> Probe:
    """Ask for the number of one color in two scenes, with and without options; both numbers are among them."""
    top, color = settings.max_count, rng.choice(sorted(COLORS))
    options = draw_options(rng, rng.randint(0, top), top)
    sizes = {"sizes": " ".join(map(str, options))}  # a scene is composed for the first wording, which has no options
    first, second = (
        [
            replace(alone := ask(color, number, top), about={**alone.about, **sizes}),
            *(ask(color, number, top, options, template) for template in "BC"),
        ]
        for number in rng.sample(options, 2)
    )
    return first, second


def traits(scene: Scene, text: str) -> Traits:
    """Count the circles that are asked for and the others, and measure them all."""
    color = re.findall(r"How many (\w+) ", text)[0]
    asked = [circle for circle in scene.circles if circle.color == color]
    numbers = {
        "circles asked for": float(len(asked)),
        "other circles": float(len(scene.circles) - len(asked)),
        "mean radius": mean(circle.radius for circle in scene.circles) / scene.canvas.short_side,
    }
    return Traits(numbers, {"color": color}, tuple(map(scene.canvas.place, asked)))


def _groups(scene: Scene) -> dict[str, int]:
    return dict(Counter(circle.color for circle in scene.circles))


def _say(number: float, text: str) -> str:
    """Answer with a number, or with the letter of the option that is nearest to it."""
    options = [int(option) for option in re.findall(r"\d+", text)]
    if not options:
        return str(round(number))
    return "ABC"[options.index(min(options, key=lambda option: abs(option - number)))]


def _group_of(least: Callable[[Scene, Circle], float]) -> Shortcut:
    """Answer with the size of the group of the circle that has the least of something."""

    def shortcut(scene: Scene, text: str) -> str:
        circle = min(scene.circles, key=partial(least, scene))
        return _say(_groups(scene)[circle.color], text)

    return shortcut


SHORTCUTS: dict[str, Shortcut] = {
    "the largest group": lambda scene, text: _say(max(_groups(scene).values()), text),
    "the smallest group": lambda scene, text: _say(min(_groups(scene).values()), text),
    "a third of all circles": lambda scene, text: _say(len(scene.circles) / 3, text),
    "the number of colors": lambda scene, text: _say(len(_groups(scene)), text),
    "the group of the largest circle": _group_of(lambda scene, circle: -circle.radius),
    "the group nearest to the middle": _group_of(lambda scene, circle: dist(scene.canvas.place(circle), (0.5, 0.5))),
    "the group that was drawn first": _group_of(lambda scene, circle: scene.circles.index(circle)),
}

TASK = Task(
    "counting", "counting", plan, compose, solve, shortcuts=SHORTCUTS, sees="number", probe=probe, traits=traits,
    remedy="take a larger canvas or a smaller --max-count",
)  # fmt: skip
