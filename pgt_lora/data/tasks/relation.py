"""Relative position of two boxes (paper, section 3.1 and appendix A.2)."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from random import Random

from pgt_lora.data.scene import Box, Canvas, Circle, Scene
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.data.tasks.layout import EDGE_MARGIN, box_sides, extent, fits, margin_px, place_box
from pgt_lora.data.tasks.task import Probe, Question, Task, TaskSettings, Traits

OPPOSITE = {"above": "below", "below": "above", "left": "right", "right": "left"}
AS_PREDICATE = {"above": "above", "below": "below", "left": "to the left of", "right": "to the right of"}

# The boxes are apart on the axis of the relation by this fraction of the short side ...
MIN_GAP = 0.04
# ... and their centres differ on the other axis by at most this fraction of what they differ on this one.
MAX_OFF_AXIS = 0.5
# Where one side is longer than the other by more than this factor, most scenes that are drawn freely show no relation
# along the shorter one: there the boxes are placed in the relation at once.
MAX_ASPECT = 3


def plan(rng: Random, settings: TaskSettings) -> Question:
    """Draw the relation, the two colours and the template."""
    relation = rng.choice(sorted(OPPOSITE))
    a, b = rng.sample(sorted(COLORS), 2)
    options = [relation, OPPOSITE[relation]]
    rng.shuffle(options)
    return ask(rng.choice("ABC"), a, b, relation, options)


def ask(template: str, a: str, b: str, relation: str, options: Sequence[str]) -> Question:
    """Word the question; the statement of template B is the first option."""
    about = {"color_a": a, "color_b": b, "answer": relation}
    if template == "A":
        text = f"Where is the {a} box relative to the {b} box? Answer with {options[0]} or {options[1]}."
        return Question(text, relation, template, "word", tuple(options), about)
    if template == "B":
        text = (
            f"Based on the image, is this statement True or False? The {a} box is {AS_PREDICATE[options[0]]} "
            f"the {b} box. Answer with True or False directly."
        )
        return Question(text, str(options[0] == relation), template, "true_false", ("True", "False"), about)
    text = (
        f"Considering the relative positions of the {a} box and the {b} box in the image provided, where is the {a} "
        f"box located with respect to the {b} box? Select from the following choices. (A) {options[0]} (B) {options[1]}"
    )
    return Question(text, relation, template, "word", tuple(options), about)


def compose(rng: Random, settings: TaskSettings, question: Question) -> Scene | None:
    """Place two boxes that stand in the planned relation by a clear margin, and in no other."""
    boxes: list[Box] = []
    colors = [question.about["color_a"], question.about["color_b"]]
    if max(settings.canvas.width, settings.canvas.height) > MAX_ASPECT * settings.canvas.short_side:
        scene = compose_at_once(rng, settings.canvas, colors, question.about["answer"])
        return scene if scene and solve(scene, question.about) == question.about["answer"] else None
    for color in rng.sample(colors, 2):  # which box is drawn first says nothing about which is asked for
        boxes += fits(partial(place_box, rng, settings.canvas, color), boxes, settings.canvas)
    scene = Scene(settings.canvas, tuple(boxes))
    return scene if len(boxes) == 2 and solve(scene, question.about) == question.about["answer"] else None


def compose_at_once(rng: Random, canvas: Canvas, colors: Sequence[str], relation: str) -> Scene | None:
    """Place a box of the first color in a relation to one of the second: apart along its axis, near across it."""
    axis = 0 if relation in ("left", "right") else 1
    ahead, behind = colors if relation in ("left", "above") else reversed(colors)
    edge, gap = margin_px(canvas, EDGE_MARGIN), math.ceil(MIN_GAP * canvas.short_side)
    sides = (canvas.width, canvas.height)
    (along_1, along_2), (across_1, across_2) = (box_sides(rng, canvas), box_sides(rng, canvas))
    room = sides[axis] - 2 * edge - along_1 - along_2 - gap
    if room < 0:
        return None
    before, after = sorted(rng.randint(0, room) for _ in range(2))
    start_1, start_2 = edge + before, edge + along_1 + gap + after
    reach = MAX_OFF_AXIS * (start_2 + along_2 / 2 - start_1 - along_1 / 2)
    off_1 = rng.randint(edge, sides[1 - axis] - edge - across_1)
    middle = off_1 + across_1 / 2 - across_2 / 2  # where the second box would start, were it exactly opposite
    nearest = max(edge, math.ceil(middle - reach))
    farthest = min(sides[1 - axis] - edge - across_2, math.floor(middle + reach))
    if nearest > farthest:
        return None
    off_2 = rng.randint(nearest, farthest)
    boxes = [
        _box(ahead, axis, start_1, along_1, off_1, across_1),
        _box(behind, axis, start_2, along_2, off_2, across_2),
    ]
    return Scene(canvas, tuple(rng.sample(boxes, 2)))  # which box is drawn first says nothing


def _box(color: str, axis: int, start: int, length: int, off: int, across: int) -> Box:
    left, top, width, height = (start, off, length, across) if axis == 0 else (off, start, across, length)
    return Box(color, left, top, left + width - 1, top + height - 1)


def solve(scene: Scene, about: Mapping[str, str]) -> str:
    """Return the relation of the first box to the second, or `ambiguous`."""
    by_color = {box.color: box for box in scene.boxes}
    return relation_of(by_color[about["color_a"]], by_color[about["color_b"]], scene.canvas)


def relation_of(a: Box | Circle, b: Box | Circle, canvas: Canvas) -> str:
    """Return the relation of one primitive to another by the margins above, or `ambiguous`."""
    gap_px = MIN_GAP * canvas.short_side
    found = []
    for axis, (before, after) in enumerate((("left", "right"), ("above", "below"))):
        ahead, behind = extent(b)[axis] - extent(a)[axis + 2], extent(a)[axis] - extent(b)[axis + 2]
        along = abs(a.center[axis] - b.center[axis])
        across = abs(a.center[1 - axis] - b.center[1 - axis])
        if max(ahead, behind) >= gap_px and across <= MAX_OFF_AXIS * along:
            found.append(before if ahead > behind else after)
    return found[0] if len(found) == 1 else "ambiguous"


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
    canvas = scene.canvas
    first, second = sorted(scene.boxes, key=lambda box: text.index(f"{box.color} box"))
    along, across = sorted((abs(u - v) for u, v in zip(first.center, second.center, strict=True)), reverse=True)
    here, there = extent(first), extent(second)
    gap = max(*(there[i] - here[i + 2] for i in (0, 1)), *(here[i] - there[i + 2] for i in (0, 1)))
    side = min(min(box.right - box.left, box.bottom - box.top) + 1 for box in scene.boxes)
    numbers = {
        "gap between the boxes": gap / canvas.short_side,
        "off axis / along it": across / along,
        "shortest side": side / canvas.short_side,
    }
    names = {"color": first.color, "color pair": " and ".join(sorted(box.color for box in scene.boxes))}
    return Traits(numbers, names, tuple(map(canvas.place, scene.boxes)))


TASK = Task("relation", "relational", plan, compose, solve, sees="place", probe=probe, traits=traits)
