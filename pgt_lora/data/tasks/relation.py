"""Relative position of two boxes (arXiv 2605.23883, section 3.1 and appendix A.2).

The two boxes are placed as one pair, small beside the canvas: where one of them lies says little about the other.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from pgt_lora.data.scene import Box, Scene
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.data.tasks.layout import EDGE_MARGIN, draw_px, extent, margin_px
from pgt_lora.data.tasks.sides import AXES, BEFORE, MAX_OFF_AXIS_RATIO, MIN_GAP, OPPOSITE, along, relation_of
from pgt_lora.data.tasks.task import Probe, Question, Shortcut, Task, TaskSettings, Traits, wording

AS_PREDICATE = {"above": "above", "below": "below", "left": "to the left of", "right": "to the right of"}

# Fractions of the short side: how far the boxes are apart along the axis of the relation, how long they are along it
# and across it, and how far their centers may differ across it.
GAP = (0.032, 0.06)
ALONG = (0.065, 0.11)
ACROSS = (0.08, 0.2)
MAX_OFF_AXIS = 0.3


def plan(rng: Random, settings: TaskSettings) -> Question:
    """Draw the relation, the two colors, the template and whether it goes without a formatting instruction."""
    relation = rng.choice(sorted(OPPOSITE))
    a, b = rng.sample(sorted(COLORS), 2)
    options = [relation, OPPOSITE[relation]]
    rng.shuffle(options)
    template = rng.choice("ABC")
    return ask(template, a, b, relation, options, bare=template == "A" and rng.random() < 0.5)


def ask(template: str, a: str, b: str, relation: str, options: Sequence[str], *, bare: bool = False) -> Question:
    """Word the question; the statement of template B is the first option."""
    about = {"color_a": a, "color_b": b, "answer": relation, "axis": AXES[relation]}
    if template == "A":
        body = f"Where is the {a} box relative to the {b} box?"
        text, template = wording(body, "A", f"Answer with {options[0]} or {options[1]}.", bare=bare)
        if bare:  # nothing but the image tells the axis
            return Question(text, relation, template, "word", tuple(sorted(OPPOSITE)), about | {"axis": "any"})
        return Question(text, relation, template, "word", tuple(options), about)
    if template == "B":
        statement = f"The {a} box is {AS_PREDICATE[options[0]]} the {b} box."
        body = f"Based on the image, is this statement True or False? {statement}"
        text = f"{body} Answer with True or False directly."
        return Question(text, str(options[0] == relation), template, "true_false", ("True", "False"), about)
    text = (
        f"Considering the relative positions of the {a} box and the {b} box in the image provided, where is the {a} "
        f"box located with respect to the {b} box? Select from the following choices. (A) {options[0]} (B) {options[1]}"
    )
    return Question(text, relation, template, "word", tuple(options), about)


def compose(rng: Random, settings: TaskSettings, question: Question) -> Scene:
    """Place a pair of boxes that stand in the planned relation, anywhere on the canvas."""
    canvas, about = settings.canvas, question.about
    axis = 0 if about["answer"] in BEFORE["across"] else 1
    colors = [about["color_a"], about["color_b"]]
    ahead, behind = colors if about["answer"] in ("left", "above") else reversed(colors)
    sides = canvas.width, canvas.height
    lengths = draw_px(rng, canvas, ALONG), draw_px(rng, canvas, ALONG)
    # Where the wording does not name the axis, the shape of one box must not, either.
    width = ALONG if about["axis"] == "any" else ACROSS
    across = draw_px(rng, canvas, width), draw_px(rng, canvas, width)
    gap = max(math.ceil(MIN_GAP * canvas.short_side), draw_px(rng, canvas, GAP))
    edge = margin_px(canvas, EDGE_MARGIN)
    first = rng.randint(edge, sides[axis] - edge - sum(lengths) - gap)
    reach = MAX_OFF_AXIS * canvas.short_side
    if about["axis"] == "any":
        reach = MAX_OFF_AXIS_RATIO * (gap + sum(lengths) / 2) - 1  # what rounding to whole pixels adds
    starts = _beside(rng, across, sides[1 - axis], edge, reach)
    boxes = [
        _box(ahead, axis, first, lengths[0], starts[0], across[0]),
        _box(behind, axis, first + lengths[0] + gap, lengths[1], starts[1], across[1]),
    ]
    return Scene(canvas, tuple(rng.sample(boxes, 2)))  # which box is drawn first says nothing


def _beside(rng: Random, lengths: tuple[int, int], side: int, edge: int, reach: float) -> tuple[int, int]:
    """Return where two boxes start on a side so that their centers differ by `reach` at most; all in pixels."""
    off = rng.uniform(-reach, reach)
    # The second center, seen from the first: the pair's span is placed as one.
    shift = math.trunc(off + (lengths[0] - lengths[1]) / 2)
    low, high = min(0, shift), max(lengths[0], shift + lengths[1])
    start = rng.randint(edge - low, side - edge - high)
    return start, start + shift


def _box(color: str, axis: int, start: int, length: int, off: int, across: int) -> Box:
    left, top, width, height = (start, off, length, across) if axis == 0 else (off, start, across, length)
    return Box(color, left, top, left + width - 1, top + height - 1)


def solve(scene: Scene, about: Mapping[str, str]) -> str:
    """Return the relation of the first box to the second along the axis that the wording names, or `ambiguous`."""
    by_color = {box.color: box for box in scene.boxes}
    a, b = by_color[about["color_a"]], by_color[about["color_b"]]
    if about["axis"] == "any":
        return relation_of(a, b, scene.canvas)
    return along(a, b, scene.canvas, about["axis"]) or "ambiguous"


def probe(rng: Random, settings: TaskSettings) -> Probe:
    """Ask in all three templates, of two scenes in which the answers are opposite."""
    a, b = rng.sample(sorted(COLORS), 2)
    relation = rng.choice(sorted(OPPOSITE))
    pair = relation, OPPOSITE[relation]
    wordings = [(template, rng.sample(pair, 2)) for template in "ABC"]
    first, second = ([ask(template, a, b, each, options) for template, options in wordings] for each in pair)
    return first, second


def traits(scene: Scene, text: str) -> Traits:
    """Measure the gap between the boxes, how far they are off the axis of their relation, and the smaller one."""
    canvas, (first, second) = scene.canvas, _pair(scene, text)
    offset = [abs(u - v) for u, v in zip(first.center, second.center, strict=True)]
    named = _named_axis(text)
    axis = list(BEFORE).index(named) if named else offset.index(max(offset))
    here, there = extent(first), extent(second)
    side = min(min(box.right - box.left, box.bottom - box.top) + 1 for box in (first, second))
    numbers = {
        "gap between the boxes": max(there[axis] - here[axis + 2], here[axis] - there[axis + 2]) / canvas.short_side,
        "off axis / along it": offset[1 - axis] / offset[axis],
        "shortest side": side / canvas.short_side,
    }
    names = {"color": first.color, "color pair": " and ".join(sorted((first.color, second.color)))}
    return Traits(numbers, names, tuple(map(canvas.place, (first, second))))


def _pair(scene: Scene, text: str) -> tuple[Box, Box]:
    """Return the two boxes in the order in which the question names them."""
    first, second = sorted(scene.boxes, key=lambda box: text.index(f"{box.color} box"))
    return first, second


def _named_axis(text: str) -> str | None:
    named = re.search(r"above|below|left|right", text)
    return AXES[named[0]] if named else None


def _by_offset(text: str, x: float, y: float, guess: str | None = None) -> str:
    """Answer by an offset along the axis that is named, or a guess, or the longer one."""
    axis = _named_axis(text) or guess or ("across" if abs(x) > abs(y) else "down")
    relation = BEFORE[axis][(x if axis == "across" else y) > 0]
    return str(f"{AS_PREDICATE[relation]} the" in text) if "True" in text else relation


def _half_of_first(scene: Scene, text: str, guess: str | None = None) -> str:
    x, y = scene.canvas.place(_pair(scene, text)[0])
    return _by_offset(text, x - 0.5, y - 0.5, guess)


def _shape_and_half_of_first(scene: Scene, text: str) -> str:
    left, top, right, bottom = extent(_pair(scene, text)[0])
    return _half_of_first(scene, text, "across" if right - left < bottom - top else "down")


def _half_of_second(scene: Scene, text: str) -> str:
    x, y = scene.canvas.place(_pair(scene, text)[1])
    return _by_offset(text, 0.5 - x, 0.5 - y)


def _other_axis(scene: Scene, text: str) -> str:
    a, b = (box.center for box in _pair(scene, text))
    return _by_offset(text, a[1] - b[1], a[0] - b[0])


def _if_first(least: Callable[[Scene, Box], Any]) -> Shortcut:
    """Answer `left` or `above` where the first box of the question has the least of something."""

    def shortcut(scene: Scene, text: str) -> str:
        first, second = _pair(scene, text)
        sign = -1.0 if least(scene, first) < least(scene, second) else 1.0
        return _by_offset(text, sign, sign / 2)

    return shortcut


SHORTCUTS: dict[str, Shortcut] = {
    "the half of the image that the first box lies in": _half_of_first,
    "the shape of the first box, and the half that it lies in": _shape_and_half_of_first,
    "the half of the image that the second box lies in": _half_of_second,
    "the other axis": _other_axis,
    "the smaller box": _if_first(lambda scene, box: (box.right - box.left) * (box.bottom - box.top)),
    "the box nearer to the middle": _if_first(lambda scene, box: math.dist(scene.canvas.place(box), (0.5, 0.5))),
    "the box that was drawn first": _if_first(lambda scene, box: scene.boxes.index(box)),
    "the colors' names": _if_first(lambda scene, box: box.color),
}

TASK = Task(
    "relation", "relational", plan, compose, solve, shortcuts=SHORTCUTS, sees="place", probe=probe, traits=traits
)
