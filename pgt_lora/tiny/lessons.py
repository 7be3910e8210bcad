"""What the small models are taught before any PGT: to see, to name and to list.

A lesson is one question and its answer on a scene. Listings are dense: every object, in a fixed order, with its
colour, shape or letter and place. From listings a model finds out how to look up an object by its colour, letter or
place; from short questions alone it does not, in thousands of steps. None of the PGT questions is among the lessons.
"""

from collections.abc import Callable
from itertools import pairwise
from random import Random

from pgt_lora.scene import Box, Circle, Scene
from pgt_lora.scene.palette import COLORS
from pgt_lora.tiny import scenes

Turn = tuple[str, str]
Lesson = Callable[[Random, Scene], Turn | None]

PLACES = ("top left", "top", "top right", "left", "center", "right", "bottom left", "bottom", "bottom right")


def _all(scene: Scene) -> list[Box | Circle]:
    return [*scene.boxes, *scene.circles]


def _at(primitive: Box | Circle, scene: Scene) -> tuple[float, float]:
    x, y = primitive.center
    return x / scene.canvas.width, y / scene.canvas.height


def _point(primitive: Box | Circle, scene: Scene) -> str:
    x, y = (min(99, round(100 * value)) for value in _at(primitive, scene))
    return f"{x:02d} {y:02d}"


def _name(primitive: Box | Circle) -> str:
    if isinstance(primitive, Circle) and primitive.label:
        return f"{primitive.color} {primitive.label}"
    return f"{primitive.color} {'box' if isinstance(primitive, Box) else 'circle'}"


def _letters(scene: Scene) -> list[Circle]:
    return sorted((circle for circle in scene.circles if circle.label), key=lambda circle: str(circle.label))


def _unique(scene: Scene) -> list[Box | Circle]:
    colors = [primitive.color for primitive in _all(scene)]
    return [primitive for primitive in _all(scene) if colors.count(primitive.color) == 1]


# Listings


def grid(rng: Random, scene: Scene) -> Turn:
    """Name what lies in each cell of a 4 by 4 grid, row by row."""
    rows = []
    for row in range(4):
        cells = []
        for column in range(4):
            inside = [p for p in _all(scene) if (int(_at(p, scene)[0] * 4), int(_at(p, scene)[1] * 4)) == (column, row)]
            cells.append(" ".join(map(_name, inside)) or "-")
        rows.append(" ".join(cells))
    return "List the cells row by row.", "; ".join(rows)


def by_color(rng: Random, scene: Scene) -> Turn | None:
    """List the objects in the order of the palette, with their places."""
    objects = sorted(_all(scene), key=lambda p: (list(COLORS).index(p.color), _at(p, scene)))
    return "List the objects by color.", "; ".join(f"{_name(p)} {_point(p, scene)}" for p in objects)


def by_letter(rng: Random, scene: Scene) -> Turn | None:
    """List the letters in alphabetical order, with their colours and places."""
    if not (circles := _letters(scene)):
        return None
    return "List the letters.", "; ".join(f"{c.label} {c.color} {_point(c, scene)}" for c in circles)


def in_order(rng: Random, scene: Scene) -> Turn | None:
    """List the letters, or the colours, along one axis."""
    objects = _letters(scene) or _all(scene)
    axis = rng.choice((0, 1))
    values = sorted(_at(p, scene)[axis] for p in objects)
    if any(b - a < 0.04 for a, b in pairwise(values)):
        return None
    objects = sorted(objects, key=lambda p: _at(p, scene)[axis])
    what, way = ("letters" if _letters(scene) else "colors"), ("left to right", "top to bottom")[axis]
    return f"List the {what} from {way}.", ", ".join(str(getattr(p, "label", None) or p.color) for p in objects)


def by_group(rng: Random, scene: Scene) -> Turn | None:
    """List the letters of each colour."""
    if not (circles := _letters(scene)):
        return None
    groups = [(color, [str(c.label) for c in circles if c.color == color]) for color in COLORS]
    return "List the letters of each color.", "; ".join(f"{k} {' '.join(v)}" for k, v in groups if v)


def distances(rng: Random, scene: Scene) -> Turn | None:
    """List how far the other letters are from one, in tenths of the side, in alphabetical order."""
    circles = _letters(scene)
    if len(circles) < 2:
        return None
    center = rng.choice(circles)
    listed = (f"{c.label} {_tenths(c, center, scene)}" for c in circles if c is not center)
    return f"List the distances from {center.label}.", "; ".join(listed)


def _tenths(a: Circle, b: Circle, scene: Scene) -> int:
    return round(10 * sum((p - q) ** 2 for p, q in zip(_at(a, scene), _at(b, scene), strict=True)) ** 0.5)


# Questions


def color_at(rng: Random, scene: Scene) -> Turn | None:
    """Ask for the colour of what lies in one of nine places."""
    p = rng.choice(_all(scene))
    x, y = _at(p, scene)
    place = PLACES[3 * int(y * 3) + int(x * 3)]
    alone = (
        sum((int(_at(q, scene)[0] * 3), int(_at(q, scene)[1] * 3)) == (int(x * 3), int(y * 3)) for q in _all(scene))
        == 1
    )
    return (f"What color is the object at the {place}?", p.color) if alone else None


def present(rng: Random, scene: Scene) -> Turn | None:
    """Ask whether there is an object of a colour."""
    here = {p.color for p in _all(scene)}
    absent = [color for color in COLORS if color not in here]
    true = not absent or rng.random() < 0.5
    color = rng.choice(sorted(here) if true else absent)
    return f"Is there a {color} object? Answer with True or False.", str(true)


def side(rng: Random, scene: Scene) -> Turn | None:
    """Ask on which side of the middle of the image an object lies."""
    if not (unique := _unique(scene)):
        return None
    p = rng.choice(unique)
    axis = rng.choice((0, 1))
    value = _at(p, scene)[axis]
    words = (("left", "right"), ("above", "below"))[axis]
    if abs(value - 0.5) < 0.08:
        return None
    asked = words if rng.random() < 0.5 else words[::-1]
    name = f"letter {p.label}" if isinstance(p, Circle) and p.label and rng.random() < 0.7 else f"{p.color} object"
    return f"Where is the {name} from the middle, {asked[0]} or {asked[1]}?", words[value > 0.5]


def side_true(rng: Random, scene: Scene) -> Turn | None:
    """State the side of an object and ask whether that is true."""
    turn = side(rng, scene)
    if turn is None:
        return None
    opposite = {"left": "right", "right": "left", "above": "below", "below": "above"}
    true = rng.random() < 0.5
    said = turn[1] if true else opposite[turn[1]]
    name = turn[0].removeprefix("Where is the ").split(" from the middle")[0]
    return f"True or False? The {name} is {said} the middle.", str(true)


def kind(rng: Random, scene: Scene) -> Turn | None:
    """Ask for the shape of a coloured object."""
    if not scene.boxes or not (unique := _unique(scene)):
        return None
    p = rng.choice(unique)
    return f"What shape is {p.color}?", "box" if isinstance(p, Box) else "circle"


def where(rng: Random, scene: Scene) -> Turn | None:
    """Ask for the place of a coloured object in per cent."""
    if not (unique := _unique(scene)):
        return None
    p = rng.choice(unique)
    return f"At which percent is the {p.color} object?", "(" + _point(p, scene).replace(" ", ", ") + ")"


def total(rng: Random, scene: Scene) -> Turn | None:
    """Ask how many objects there are in all, or how many of one shape."""
    what = rng.choice(("objects", "boxes", "circles"))
    number = {"objects": len(_all(scene)), "boxes": len(scene.boxes), "circles": len(scene.circles)}[what]
    return (f"How many {what} in all?", str(number)) if number else None


def letter_to_color(rng: Random, scene: Scene) -> Turn | None:
    """Ask for the colour of a letter's circle."""
    if not (circles := _letters(scene)):
        return None
    c = rng.choice(circles)
    return f"What color is the letter {c.label}?", c.color


def color_to_letter(rng: Random, scene: Scene) -> Turn | None:
    """Ask for the letter in the circle of a colour."""
    unique = [p for p in _unique(scene) if isinstance(p, Circle) and p.label]
    if not unique:
        return None
    c = rng.choice(unique)
    return f"Which letter is {c.color}?", str(c.label)


def letter_at(rng: Random, scene: Scene) -> Turn | None:
    """Ask which letter is nearest to a corner or to the centre."""
    circles = _letters(scene)
    if len(circles) < 2:
        return None
    name, x, y = rng.choice(
        (("top left", 0, 0), ("top right", 1, 0), ("bottom left", 0, 1), ("bottom right", 1, 1), ("center", 0.5, 0.5))
    )
    near = sorted(circles, key=lambda c: (_at(c, scene)[0] - x) ** 2 + (_at(c, scene)[1] - y) ** 2)
    first, second = (((_at(c, scene)[0] - x) ** 2 + (_at(c, scene)[1] - y) ** 2) ** 0.5 for c in near[:2])
    return (f"Which letter is nearest to the {name}?", str(near[0].label)) if second - first > 0.06 else None


def apart(rng: Random, scene: Scene) -> Turn | None:
    """Ask how far two letters are from each other, in tenths of the side."""
    circles = _letters(scene)
    if len(circles) < 2:
        return None
    a, b = rng.sample(circles, 2)
    return f"How far is {a.label} from {b.label} in tenths?", str(_tenths(a, b, scene))


def alike(rng: Random, scene: Scene) -> Turn | None:
    """State that a letter has a colour and ask whether that is true."""
    if not (circles := _letters(scene)):
        return None
    c = rng.choice(circles)
    true = rng.random() < 0.5
    color = c.color if true else rng.choice([k for k in COLORS if k != c.color])
    return f"True or False? The letter {c.label} is {color}.", str(true)


def chosen(rng: Random, scene: Scene) -> Turn | None:
    """Ask for a colour or a number by the letter of an option."""
    turn = rng.choice((color_at, letter_to_color, total))(rng, scene)
    if turn is None:
        return None
    known = list(COLORS) if turn[1] in COLORS else [str(n) for n in range(1, 10)]
    options = [turn[1], *rng.sample([other for other in known if other != turn[1]], 2)]
    rng.shuffle(options)
    listed = " ".join(f"({letter}) {option}" for letter, option in zip("ABC", options, strict=True))
    return f"{turn[0]} {listed} Answer with the option's letter.", "ABC"[options.index(turn[1])]


LISTINGS: tuple[Lesson, ...] = (grid, by_color, by_letter, in_order, by_group, distances)
QUESTIONS: tuple[Lesson, ...] = (
    color_at, present, side, side_true, kind, where, total, letter_to_color, color_to_letter, letter_at, apart, alike,
    chosen, chosen,
)  # fmt: skip


def draw_scene(rng: Random) -> Scene:
    """Draw a scene of shapes, of dots or, half of the time, of letters."""
    return rng.choice((scenes.shapes, scenes.dots, scenes.letters, scenes.letters))(rng)


def draw_turns(rng: Random, num_listings: int = 1, num_questions: int = 3) -> tuple[Scene, list[Turn]]:
    """Draw a scene and lessons on it, in random order."""
    scene = draw_scene(rng)
    turns = _teach(rng, scene, LISTINGS, num_listings) + _teach(rng, scene, QUESTIONS, num_questions)
    rng.shuffle(turns)
    return scene, turns


def _teach(rng: Random, scene: Scene, lessons: tuple[Lesson, ...], number: int) -> list[Turn]:
    turns: list[Turn] = []
    while len(turns) < number:
        turn = rng.choice(lessons)(rng, scene)
        if turn is not None and (turn not in turns or rng.random() < 0.1):
            turns.append(turn)
    return turns
