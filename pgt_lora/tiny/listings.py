"""Listings: every object of a scene, in a fixed order, with what there is to say of it.

From listings a small model finds out how to look up an object by its colour, letter or place; from short questions
alone it does not, in thousands of steps.
"""

from collections.abc import Callable
from itertools import pairwise
from random import Random

from pgt_lora.data.scene import Scene
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.tiny.objects import Turn, at, everything, lettered, name, percent, tenths

MAX_OBJECTS = 9  # longer listings cost more than they teach


def grid(rng: Random, scene: Scene) -> Turn:
    """Name what lies in each cell of a 4 by 4 grid, row by row."""
    rows = []
    for row in range(4):
        cells = []
        for column in range(4):
            inside = [
                p for p in everything(scene) if (int(at(p, scene)[0] * 4), int(at(p, scene)[1] * 4)) == (column, row)
            ]
            cells.append(" ".join(map(name, inside)) or "-")
        rows.append(" ".join(cells))
    return "List the cells row by row.", "; ".join(rows)


def by_color(rng: Random, scene: Scene) -> Turn | None:
    """List the objects in the order of the palette, with their places."""
    objects = sorted(everything(scene), key=lambda p: (list(COLORS).index(p.color), at(p, scene)))
    if len(objects) > MAX_OBJECTS:
        return None
    return "List the objects by color.", "; ".join(f"{name(p)} {percent(p, scene)}" for p in objects)


def by_letter(rng: Random, scene: Scene) -> Turn | None:
    """List the letters in alphabetical order, with their colours and places."""
    if not (circles := lettered(scene)):
        return None
    return "List the letters.", "; ".join(f"{c.label} {c.color} {percent(c, scene)}" for c in circles)


def in_order(rng: Random, scene: Scene) -> Turn | None:
    """List the letters, or the colours, along one axis."""
    objects = lettered(scene) or everything(scene)
    axis = rng.choice((0, 1))
    values = sorted(at(p, scene)[axis] for p in objects)
    if any(b - a < 0.04 for a, b in pairwise(values)):
        return None
    objects = sorted(objects, key=lambda p: at(p, scene)[axis])
    what, way = ("letters" if lettered(scene) else "colors"), ("left to right", "top to bottom")[axis]
    return f"List the {what} from {way}.", ", ".join(str(getattr(p, "label", None) or p.color) for p in objects)


def by_group(rng: Random, scene: Scene) -> Turn | None:
    """List the letters of each colour."""
    if not (circles := lettered(scene)):
        return None
    groups = [(color, [str(c.label) for c in circles if c.color == color]) for color in COLORS]
    return "List the letters of each color.", "; ".join(f"{k} {' '.join(v)}" for k, v in groups if v)


def numbers(rng: Random, scene: Scene) -> Turn | None:
    """List the number of objects of each colour, in the order of the palette or in any order that is given."""
    colors = [p.color for p in everything(scene)]
    if max(map(colors.count, colors)) > MAX_OBJECTS:
        return None
    if rng.random() < 0.5:
        asked = [color for color in COLORS if color in colors]
        return "List the number of each color.", "; ".join(f"{color} {colors.count(color)}" for color in asked)
    asked = rng.sample(sorted(COLORS), 4)
    return f"List the numbers: {', '.join(asked)}.", ", ".join(str(colors.count(color)) for color in asked)


def distances(rng: Random, scene: Scene) -> Turn | None:
    """List how far the other letters are from one, in tenths of the side, in alphabetical order."""
    circles = lettered(scene)
    if len(circles) < 2:
        return None
    center = rng.choice(circles)
    listed = (f"{c.label} {tenths(c, center, scene)}" for c in circles if c is not center)
    return f"List the distances from {center.label}.", "; ".join(listed)


LISTINGS: tuple[Callable[[Random, Scene], Turn | None], ...] = (
    grid, by_color, by_letter, in_order, by_group, numbers, distances,
)  # fmt: skip
