"""Short questions, in several wordings: what is asked for stands near the answer in some and far from it in others.

A look-up learnt a few words before the answer does not carry over to questions as long as PGT's.
"""

from collections.abc import Callable
from random import Random

from pgt_lora.data.scene import Box, Circle, Scene
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.tiny.objects import Turn, at, everything, lettered, percent, tenths, unique

PLACES = ("top left", "top", "top right", "left", "center", "right", "bottom left", "bottom", "bottom right")
OPPOSITE = {"left": "right", "right": "left", "above": "below", "below": "above"}
OF = {"left": "to the left of", "right": "to the right of", "above": "above", "below": "below"}


def color_at(rng: Random, scene: Scene) -> Turn | None:
    """Ask for the colour of what lies in one of nine places."""

    def cell(q: Box | Circle) -> int:
        x, y = at(q, scene)
        return 3 * int(y * 3) + int(x * 3)

    p = rng.choice(everything(scene))
    if sum(cell(q) == cell(p) for q in everything(scene)) > 1:
        return None
    place = PLACES[cell(p)]
    wordings = (
        f"What color is the object at the {place}?",
        f"One object lies at the {place} of the image. Name its color.",
        f"Which color is found at the {place}?",
    )
    return rng.choice(wordings), p.color


def present(rng: Random, scene: Scene) -> Turn:
    """Ask whether there is an object of a colour."""
    here = {p.color for p in everything(scene)}
    absent = [color for color in COLORS if color not in here]
    true = not absent or rng.random() < 0.5
    color = rng.choice(sorted(here) if true else absent)
    wordings = (
        f"Is there a {color} object?",
        f"There is something {color} in the image.",
        f"At least one object is {color}, is it not?",
    )
    return rng.choice(wordings), str(true)


def side(rng: Random, scene: Scene) -> Turn | None:
    """Ask on which side of the middle of the image an object lies."""
    found = _side(rng, scene)
    if found is None:
        return None
    named, answer = found
    a, b = rng.sample((answer, OPPOSITE[answer]), 2)
    wordings = (
        f"Where is the {named} from the middle, {a} or {b}?",
        f"Seen from the middle of the image, where is the {named}? Choose {a} or {b}.",
        f"Is it {a} or {b}, seen from the middle, that the {named} lies?",
    )
    return rng.choice(wordings), answer


def side_true(rng: Random, scene: Scene) -> Turn | None:
    """State the side of an object and ask whether that is true."""
    found = _side(rng, scene)
    if found is None:
        return None
    named, answer = found
    true = rng.random() < 0.5
    said = OF[answer if true else OPPOSITE[answer]]
    wordings = (f"The {named} is {said} the middle.", f"The {named} can be found {said} the middle of the image.")
    return rng.choice(wordings), str(true)


def _side(rng: Random, scene: Scene) -> tuple[str, str] | None:
    if not (known := unique(scene)):
        return None
    p = rng.choice(known)
    axis = rng.choice((0, 1))
    value = at(p, scene)[axis]
    if abs(value - 0.5) < 0.08:
        return None
    named = f"letter {p.label}" if isinstance(p, Circle) and p.label and rng.random() < 0.7 else f"{p.color} object"
    return named, (("left", "right"), ("above", "below"))[axis][value > 0.5]


def kind(rng: Random, scene: Scene) -> Turn | None:
    """Ask for the shape of a coloured object."""
    if not scene.boxes or not (known := unique(scene)):
        return None
    p = rng.choice(known)
    a, b = rng.sample(("box", "circle"), 2)
    wordings = (
        f"What shape is {p.color}?",
        f"What is the shape of the {p.color} object in the image?",
        f"Is the {p.color} object a {a} or a {b}?",
    )
    return rng.choice(wordings), "box" if isinstance(p, Box) else "circle"


def where(rng: Random, scene: Scene) -> Turn | None:
    """Ask for the place of a coloured object in per cent."""
    if not (known := unique(scene)):
        return None
    p = rng.choice(known)
    wordings = (
        f"At which percent is the {p.color} object?",
        f"Where does the {p.color} object lie, in percent across and down?",
    )
    return rng.choice(wordings), "(" + percent(p, scene).replace(" ", ", ") + ")"


def total(rng: Random, scene: Scene) -> Turn | None:
    """Ask how many objects there are in all, or how many of one shape."""
    what = rng.choice(("objects", "boxes", "circles"))
    number = {"objects": len(everything(scene)), "boxes": len(scene.boxes), "circles": len(scene.circles)}[what]
    wordings = (f"How many {what} in all?", f"How many {what} does the image hold?", f"Count all the {what}.")
    return (rng.choice(wordings), str(number)) if 0 < number < 10 else None


def letter_to_color(rng: Random, scene: Scene) -> Turn | None:
    """Ask for the colour of a letter's circle."""
    if not (circles := lettered(scene)):
        return None
    c = rng.choice(circles)
    wordings = (
        f"What color is the letter {c.label}?",
        f"Find the circle with {c.label} written on it. What color is it?",
        f"Name the color of {c.label} in the image.",
    )
    return rng.choice(wordings), c.color


def color_to_letter(rng: Random, scene: Scene) -> Turn | None:
    """Ask for the letter in the circle of a colour."""
    known = [p for p in unique(scene) if isinstance(p, Circle) and p.label]
    if not known:
        return None
    c = rng.choice(known)
    wordings = (
        f"Which letter is {c.color}?",
        f"What letter is written on the {c.color} circle?",
        f"Find the {c.color} circle in the image and read what is written on it.",
    )
    return rng.choice(wordings), str(c.label)


def letter_at(rng: Random, scene: Scene) -> Turn | None:
    """Ask which letter is nearest to a corner or to the centre."""
    circles = lettered(scene)
    if len(circles) < 2:
        return None
    place, x, y = rng.choice(
        (("top left", 0, 0), ("top right", 1, 0), ("bottom left", 0, 1), ("bottom right", 1, 1), ("center", 0.5, 0.5))
    )
    near = sorted(circles, key=lambda c: (at(c, scene)[0] - x) ** 2 + (at(c, scene)[1] - y) ** 2)
    first, second = (((at(c, scene)[0] - x) ** 2 + (at(c, scene)[1] - y) ** 2) ** 0.5 for c in near[:2])
    wordings = (f"Which letter is nearest to the {place}?", f"Go to the {place} of the image: which letter is nearest?")
    return (rng.choice(wordings), str(near[0].label)) if second - first > 0.06 else None


def apart(rng: Random, scene: Scene) -> Turn | None:
    """Ask how far two letters are from each other, in tenths of the side."""
    circles = lettered(scene)
    if len(circles) < 2:
        return None
    a, b = rng.sample(circles, 2)
    wordings = (
        f"How far is {a.label} from {b.label} in tenths?",
        f"How many tenths is it from {a.label} to {b.label}?",
    )
    return rng.choice(wordings), str(tenths(a, b, scene))


def colored(rng: Random, scene: Scene) -> Turn | None:
    """State that a letter has a colour, or that two letters share one, and ask whether that is true."""
    if not (circles := lettered(scene)):
        return None
    if len(circles) > 1 and rng.random() < 0.5:
        pairs = [rng.sample(circles, 2) for _ in range(6)]
        wanted = rng.random() < 0.5
        a, b = next((pair for pair in pairs if (pair[0].color == pair[1].color) == wanted), pairs[0])
        return f"{a.label} and {b.label} match.", str(a.color == b.color)
    c = rng.choice(circles)
    true = rng.random() < 0.5
    color = c.color if true else rng.choice([k for k in COLORS if k != c.color])
    return rng.choice((f"The letter {c.label} is {color}.", f"It is {color} that {c.label} is drawn in.")), str(true)


def chosen(rng: Random, scene: Scene) -> Turn | None:
    """Ask for a colour or a number by the letter of an option."""
    turn = rng.choice((color_at, letter_to_color, total))(rng, scene)
    if turn is None:
        return None
    known = list(COLORS) if turn[1] in COLORS else [str(n) for n in range(1, 10)]
    options = [turn[1], *rng.sample([other for other in known if other != turn[1]], rng.choice((1, 2)))]
    rng.shuffle(options)
    listed = " ".join(f"({letter}) {option}" for letter, option in zip("ABC", options, strict=False))
    return f"{turn[0]} {listed}", "ABC"[options.index(turn[1])]


QUESTIONS: tuple[Callable[[Random, Scene], Turn | None], ...] = (
    color_at, present, present, side, side_true, kind, where, total, letter_to_color, color_to_letter, letter_at, apart,
    colored, chosen, chosen,
)  # fmt: skip
