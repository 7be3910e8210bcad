"""Listings: every object of a picture, in a fixed order, with what there is to say of it.

From listings a small model finds out how to look up an object by its color, letter or place; from short questions
alone it does not, in thousands of steps.
"""

from collections.abc import Callable
from itertools import pairwise
from random import Random

from pgt_lora.data.scene.palette import COLORS
from pgt_lora.tiny.objects import Object, Turn, at, everything, fractions, lettered, name, percent, tenths
from pgt_lora.tiny.picture import Picture

MAX_OBJECTS = 9  # longer listings cost more than they teach
MAX_PLACES = 5


def grid(rng: Random, picture: Picture) -> Turn:
    """Name what lies in each cell of a 4 by 4 grid, row by row."""
    rows = []
    for row in range(4):
        cells = []
        for column in range(4):
            inside = [
                p
                for p in everything(picture)
                if (int(at(p, picture)[0] * 4), int(at(p, picture)[1] * 4)) == (column, row)
            ]
            cells.append(" ".join(map(name, inside)) or "-")
        rows.append(" ".join(cells))
    return "List the cells row by row.", "; ".join(rows)


def by_color(rng: Random, picture: Picture) -> Turn | None:
    """List the objects in the order of the palette, with their places."""
    objects = sorted(everything(picture), key=lambda p: (list(COLORS).index(p.color), at(p, picture)))
    if len(objects) > MAX_OBJECTS:
        return None
    return "List the objects by color.", "; ".join(f"{name(p)} {percent(p, picture)}" for p in objects)


def by_letter(rng: Random, picture: Picture) -> Turn | None:
    """List the letters in alphabetical order, with their colors and places."""
    if not (circles := lettered(picture)):
        return None
    return "List the letters.", "; ".join(f"{c.label} {c.color} {percent(c, picture)}" for c in circles)


def places(rng: Random, picture: Picture) -> Turn | None:
    """List the objects in the order of the palette, with their places as fractions in brackets of one kind."""
    objects = sorted(everything(picture), key=lambda p: (list(COLORS).index(p.color), at(p, picture)))
    if len(objects) > MAX_PLACES:
        return None
    square = rng.random() < 0.5
    asked = f"List the objects with places in {'square' if square else 'round'} brackets."
    return asked, "; ".join(f"{name(p)} {fractions(p, picture, square)}" for p in objects)


def in_order(rng: Random, picture: Picture) -> Turn | None:
    """List the letters, or the colors, along one axis."""
    objects: list[Object] = [*lettered(picture)] or everything(picture)
    axis = rng.choice((0, 1))
    values = sorted(at(p, picture)[axis] for p in objects)
    if any(b - a < 0.04 for a, b in pairwise(values)):
        return None
    objects = sorted(objects, key=lambda p: at(p, picture)[axis])
    what, way = ("letters" if lettered(picture) else "colors"), ("left to right", "top to bottom")[axis]
    return f"List the {what} from {way}.", ", ".join(str(getattr(p, "label", None) or p.color) for p in objects)


def by_group(rng: Random, picture: Picture) -> Turn | None:
    """List the letters of each color."""
    if not (circles := lettered(picture)):
        return None
    groups = [(color, [str(c.label) for c in circles if c.color == color]) for color in COLORS]
    return "List the letters of each color.", "; ".join(f"{k} {' '.join(v)}" for k, v in groups if v)


def groups(rng: Random, picture: Picture) -> Turn | None:
    """List the letters in groups that match, without naming a color."""
    if not (circles := lettered(picture)):
        return None
    colors = list(dict.fromkeys(c.color for c in circles))
    return "List the groups of letters.", "; ".join(_with_color(picture, color) for color in colors)


def steps(rng: Random, picture: Picture) -> Turn | None:
    """Go from each of some letters to its color, and from the color to all letters that have it."""
    if not (circles := lettered(picture)):
        return None
    chosen = rng.sample(circles, min(len(circles), rng.randint(1, 3)))
    asked = f"Follow the letters {', '.join(str(c.label) for c in chosen)}."
    return asked, "; ".join(f"{c.label} is {c.color}, {c.color} {_with_color(picture, c.color)}" for c in chosen)


def _with_color(picture: Picture, color: str) -> str:
    return " ".join(str(c.label) for c in lettered(picture) if c.color == color)


def numbers(rng: Random, picture: Picture) -> Turn | None:
    """List the number of objects of each color, in the order of the palette or in any order that is given."""
    colors = [p.color for p in picture.primitives]
    if picture.things or max(map(colors.count, colors)) > MAX_OBJECTS:
        return None
    if rng.random() < 0.5:
        asked = [color for color in COLORS if color in colors]
        return "List the number of each color.", "; ".join(f"{color} {colors.count(color)}" for color in asked)
    here, absent = sorted(set(colors)), [color for color in COLORS if color not in {*colors, *picture.hidden}]
    asked = rng.sample(here, min(len(here), rng.randint(1, 4)))
    asked += rng.sample(absent, min(len(absent), 4 - len(asked)))
    rng.shuffle(asked)
    return f"List the numbers: {', '.join(asked)}.", ", ".join(str(colors.count(color)) for color in asked)


def distances(rng: Random, picture: Picture) -> Turn | None:
    """List how far the other letters are from one, in tenths of the side, in alphabetical order."""
    circles = lettered(picture)
    if len(circles) < 2:
        return None
    center = rng.choice(circles)
    listed = (f"{c.label} {tenths(c, center, picture)}" for c in circles if c is not center)
    return f"List the distances from {center.label}.", "; ".join(listed)


LISTINGS: tuple[Callable[[Random, Picture], Turn | None], ...] = (
    grid, by_color, by_letter, places, in_order, by_group, groups, steps, numbers, numbers, distances,
)  # fmt: skip
