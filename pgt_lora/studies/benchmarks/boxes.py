"""What wrong answers of CV-Bench-3D choose: the larger object, or the one higher in the image (paper, appendix C)."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pgt_lora.studies.benchmarks.reading import Item

Box = tuple[float, float, float, float]  # left, top, width, height in pixels
Boxes = Mapping[str, Box]
COLORS = ("red", "blue", "green")  # in the order of a question's boxes
_NAMED = re.compile(rf"\bthe ([^,(?]+?) \(\w+ by (?:a|the) ({'|'.join(COLORS)}) box\)")
# Each shortcut with what it takes the most of.
SHORTCUTS: Mapping[str, Callable[[Box], float]] = {
    "larger": lambda box: box[2] * box[3],
    "smaller": lambda box: -box[2] * box[3],
    "higher": lambda box: -(box[1] + box[3] / 2),
    "lower": lambda box: box[1] + box[3] / 2,
}


def boxes_of_choices(asked: Sequence[tuple[str, Sequence[str]]], drawn: Sequence[Any]) -> list[Boxes | None]:
    """Return the boxes of each question's options by letter, or None where they are not known.

    `asked` are the questions with their options, `drawn` what the file's `bbox` holds: a box for each color that the
    question names. The dataset does not say whether a box is two corners or a corner and a size. Two corners are taken
    where no box of the whole file contradicts them.
    """
    known = [_numbers(each) for each in drawn]
    flat = [box for boxes in known if boxes for box in boxes]
    are_corners = all(right > left and bottom > top for left, top, right, bottom in flat)
    found: list[Boxes | None] = []
    for (question, options), boxes in zip(asked, known, strict=True):
        named = {color: name.casefold() for name, color in _NAMED.findall(question)}
        colors = [[color for color in named if named[color] == option.casefold()] for option in options]
        if not boxes or set(named) != set(COLORS[: len(boxes)]) or any(len(each) != 1 for each in colors):
            found.append(None)
            continue
        sized = [(x, y, a - x, b - y) if are_corners else (x, y, a, b) for x, y, a, b in boxes]
        found.append({"ABCDEFGH"[number]: sized[COLORS.index(color)] for number, (color,) in enumerate(colors)})
    return found


def _numbers(drawn: Any) -> list[Box] | None:
    """Return boxes of four numbers each, or None where there is something else."""
    try:
        listed = json.loads(drawn) if isinstance(drawn, str) else drawn
        boxes = [tuple(map(float, box)) for box in listed]
    except (TypeError, ValueError):
        return None
    return [(x, y, a, b) for x, y, a, b in boxes] if boxes and all(len(box) == 4 for box in boxes) else None


def chosen_wrongly(items: Sequence[Item]) -> dict[str, dict[str, dict[str, int]]]:
    """Return, by kind of question and shortcut, the items in which it is wrong and how many answers took it.

    Only items with boxes count. A shortcut that a model takes shows against its opposite: more of the errors than
    where the opposite is wrong.
    """
    found: dict[str, dict[str, dict[str, int]]] = {}
    for item in items:
        if not item.boxes:
            continue
        kind = found.setdefault(item.category, {name: {"items": 0, "chosen": 0} for name in SHORTCUTS})
        for name, measure in SHORTCUTS.items():
            values = {letter: measure(box) for letter, box in item.boxes.items()}
            best = max(values, key=values.__getitem__)
            if item.expected != best and list(values.values()).count(values[best]) == 1:
                kind[name]["items"] += 1
                kind[name]["chosen"] += item.parsed == best
    return dict(sorted(found.items()))
