"""Questions about drawn things in the words of PGT's tasks, and where the things lie.

The questions are PGT's own, with things in the place of boxes, groups of circles and labeled circles. So are the
answers and their balance.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

from pgt_lora.data.scene import Box, Canvas, Scene
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.data.tasks import counting, distance, relation
from pgt_lora.data.tasks.labels import INSTRUCTION, LETTERS
from pgt_lora.data.tasks.layout import EDGE_MARGIN, GAP, clear, draw_px, margin_px, place_box
from pgt_lora.data.tasks.task import Question, TaskSettings
from pgt_lora.tiny.picture import Thing
from pgt_lora.tiny.things import NAMES

ALIKE = ("tree", "fir")  # of these, one picture holds one: a fir is a tree
PLURALS = {"fish": "fish", "leaf": "leaves"}
MAX_COUNT = 4  # larger things than circles: fewer fit
MAX_THINGS = 11
# Fractions of the short side. In pre-training, things have 0.17 to 0.34.
PAIR_SIDE, PAIR_GAP = (0.17, 0.22), (0.035, 0.08)
COUNTED_SIDE = (0.145, 0.18)
# How often the middle of the image lies between the two of a pair, where one of them tells the other.
ASTRIDE = 0.2
PART_OF_CIRCLE = 0.9  # a thing's side, of the diameter of the circle whose place it takes
TRIES = 200

Arranged = list[Thing] | None


def draw_names(rng: Random, number: int, shown: Sequence[str]) -> list[str]:
    """Draw different names of things, none of what the photograph under them shows of itself."""
    left_out = (*shown, rng.choice(ALIKE))
    return rng.sample([name for name in NAMES if name not in left_out], number)


def plural(name: str) -> str:
    """Return the plural of a thing's name."""
    return PLURALS.get(name) or (f"{name}es" if name.endswith(("s", "x", "ch", "sh")) else f"{name}s")


def plan_relation(rng: Random, settings: TaskSettings, shown: Sequence[str]) -> Question:
    """Ask where a thing lies relative to another; `about` is a relation's, names in the place of colors."""
    asked = relation.plan(rng, settings)
    names = dict(zip(("color_a", "color_b"), draw_names(rng, 2, shown), strict=True))
    text = asked.text
    for key, name in names.items():
        text = text.replace(f"{asked.about[key]} box", name)
    return replace(asked, text=text, about={**asked.about, **names})


def arrange_relation(rng: Random, settings: TaskSettings, question: Question) -> Arranged:
    """Place a pair as one, anywhere; None where it does not fit or is not certain."""
    canvas, about = settings.canvas, question.about
    axis = 0 if about["answer"] in relation.BEFORE["across"] else 1
    sides, spans = [draw_px(rng, canvas, PAIR_SIDE) for _ in range(2)], (canvas.width, canvas.height)
    apart = sum(sides) / 2 + draw_px(rng, canvas, PAIR_GAP)  # from middle to middle
    ratio = relation.MAX_OFF_AXIS_RATIO * apart - 1
    reach = ratio if about["axis"] == "any" else max(ratio, relation.MAX_OFF_AXIS * canvas.short_side)
    edge = [margin_px(canvas, EDGE_MARGIN) + side / 2 for side in sides]
    along = rng.uniform(edge[0], spans[axis] - edge[1] - apart)
    off = rng.uniform(edge[0], spans[1 - axis] - edge[0])
    middles = [(along, off), (along + apart, off + rng.uniform(-reach, reach))]
    if (along < spans[axis] / 2 < along + apart) != (rng.random() < ASTRIDE):
        return None
    if not edge[1] <= middles[1][1] <= spans[1 - axis] - edge[1]:
        return None
    names = [about["color_a"], about["color_b"]]
    ordered = names if about["answer"] in ("left", "above") else names[::-1]
    places = [middle if axis == 0 else middle[::-1] for middle in middles]
    boxes = [_box(canvas, *each) for each in zip(ordered, places, sides, strict=True)]
    is_certain = relation.solve(Scene(canvas, tuple(boxes)), about) == about["answer"]
    # Which of both is drawn first says nothing.
    return [_thing(rng, box) for box in rng.sample(boxes, 2)] if is_certain else None


def plan_counting(rng: Random, settings: TaskSettings, shown: Sequence[str]) -> Question:
    """Ask how many things of a kind there are; `about` says which kind takes the place of which color's circles."""
    asked = counting.plan(rng, replace(settings, max_count=MAX_COUNT))
    names = dict(zip(sorted(COLORS), draw_names(rng, len(COLORS), shown), strict=True))
    color = asked.about["color"]
    text = re.sub(f"{color} (overlay )?circles", plural(names[color]), asked.text)
    return replace(asked, text=text.replace("colored overlaid circles", "things"), about={**asked.about, **names})


def arrange_counting(rng: Random, settings: TaskSettings, question: Question) -> Arranged:
    """Place a group of things for each of three numbers, and others beside them; None where they do not fit."""
    canvas = settings.canvas
    groups = counting.draw_colors(rng, replace(settings, max_count=MAX_COUNT), question)
    if len(groups) > MAX_THINGS:
        return None
    boxes: list[Box] = []
    for group in rng.sample(groups, len(groups)):
        for _ in range(TRIES):
            box = place_box(rng, canvas, question.about[group], COUNTED_SIDE)
            if all(clear(box, other, margin_px(canvas, GAP)) for other in boxes):
                boxes.append(box)
                break
        else:
            return None
    return [_thing(rng, box) for box in boxes]


def plan_distance(rng: Random, settings: TaskSettings, shown: Sequence[str]) -> Question:
    """Ask which thing is nearest to another; `about` is a distance's, and the names of the letters' things."""
    asked = distance.plan(rng, settings)
    names = dict(zip(LETTERS, draw_names(rng, len(LETTERS), shown), strict=True))
    options = [names[letter] for letter in asked.choices or ()]
    first = f"There are four things in this image. Which one is closest to the {names[asked.about['target']]}"
    answer, about = names[asked.about["answer"]], {**asked.about, **names}
    if rng.random() < 0.5:
        lettered = " ".join(f"({letter}) {option}" for letter, option in zip("ABC", options, strict=True))
        text = f"{first}? {lettered} Answer with the option's letter from the given choices directly"
        return Question(text, "ABC"[options.index(answer)], "B", "letter", ("A", "B", "C"), about)
    text = f"{first}: the {options[0]}, the {options[1]}, or the {options[2]}?"
    if INSTRUCTION in asked.text:
        text += " Answer with the name directly."
    return Question(text, answer, asked.template, "word", tuple(options), about)


def arrange_distance(rng: Random, settings: TaskSettings, question: Question) -> Arranged:
    """Place four things as PGT places its labeled circles; None where they do not fit."""
    scene = distance.compose(rng, settings, question)
    if scene is None:
        return None
    boxes = [
        _box(scene.canvas, question.about[circle.label or ""], circle.center, round(PART_OF_CIRCLE * 2 * circle.radius))
        for circle in scene.circles
    ]
    apart = all(clear(box, other, 1) for box in boxes for other in boxes if box is not other)
    return [_thing(rng, box) for box in boxes] if apart else None


def _box(canvas: Canvas, name: str, middle: tuple[float, float], side: int) -> Box:
    """Return a square around a point; its `color` is the name of what is to be drawn in it."""
    left, top = (round(each - side / 2) for each in middle)
    return Box(name, left, top, left + side - 1, top + side - 1)


def _thing(rng: Random, box: Box) -> Thing:
    """Return the thing that a box is named by, of any color."""
    return Thing(box.color, replace(box, color=rng.choice(sorted(COLORS))), rng.getrandbits(32))


Plan = Callable[[Random, TaskSettings, Sequence[str]], Question]
Arrange = Callable[[Random, TaskSettings, Question], Arranged]
TASKS: Mapping[str, tuple[Plan, Arrange]] = {
    "relation": (plan_relation, arrange_relation),
    "counting": (plan_counting, arrange_counting),
    "distance": (plan_distance, arrange_distance),
}
