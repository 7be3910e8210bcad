"""Short questions in several wordings: what is asked for stands near the answer in some and far from it in others.

A look-up learned a few words before the answer does not carry over to questions as long as PGT's.
"""

from collections.abc import Callable
from random import Random

from pgt_lora.data.scene import Box, Circle
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.tiny.letter_questions import LETTER_QUESTIONS, letter_to_color
from pgt_lora.tiny.objects import Turn, at, everything, unique
from pgt_lora.tiny.picture import Picture, Thing
from pgt_lora.tiny.place_questions import PLACE_QUESTIONS, color_at, thing_to_color

OPPOSITE = {"left": "right", "right": "left", "above": "below", "below": "above"}
OF = {"left": "to the left of", "right": "to the right of", "above": "above", "below": "below"}


def present(rng: Random, picture: Picture) -> Turn:
    """Ask whether there is an object of a color."""
    here = {p.color for p in everything(picture)}
    absent = [color for color in COLORS if color not in here and color not in picture.hidden]
    true = not absent or rng.random() < 0.5
    color = rng.choice(sorted(here) if true else absent)
    wordings = (
        f"Is there {'an' if color == 'orange' else 'a'} {color} object?",
        f"There is something {color} in the image.",
        f"At least one object is {color}, is it not?",
    )
    return rng.choice(wordings), str(true)


def side(rng: Random, picture: Picture) -> Turn | None:
    """Ask on which side of the middle of the image an object lies."""
    found = _side(rng, picture)
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


def side_true(rng: Random, picture: Picture) -> Turn | None:
    """State the side of an object and ask whether that is true."""
    found = _side(rng, picture)
    if found is None:
        return None
    named, answer = found
    true = rng.random() < 0.5
    said = OF[answer if true else OPPOSITE[answer]]
    wordings = (f"The {named} is {said} the middle.", f"The {named} can be found {said} the middle of the image.")
    return rng.choice(wordings), str(true)


def _side(rng: Random, picture: Picture) -> tuple[str, str] | None:
    known = [p for p in unique(picture) if not isinstance(p, Thing)]
    if not known:
        return None
    p = rng.choice(known)
    axis = rng.choice((0, 1))
    value = at(p, picture)[axis]
    if abs(value - 0.5) < 0.08:
        return None
    named = f"letter {p.label}" if isinstance(p, Circle) and p.label and rng.random() < 0.7 else f"{p.color} object"
    return named, (("left", "right"), ("above", "below"))[axis][value > 0.5]


def kind(rng: Random, picture: Picture) -> Turn | None:
    """Ask for the shape of a colored object."""
    known = [p for p in unique(picture) if not isinstance(p, Thing)]
    if not picture.boxes or not known:
        return None
    p = rng.choice(known)
    a, b = rng.sample(("box", "circle"), 2)
    wordings = (
        f"What shape is {p.color}?",
        f"What is the shape of the {p.color} object in the image?",
        f"Is the {p.color} object a {a} or a {b}?",
    )
    return rng.choice(wordings), "box" if isinstance(p, Box) else "circle"


def total(rng: Random, picture: Picture) -> Turn | None:
    """Ask how many objects there are in all, or how many of one shape; never of things."""
    if picture.things:
        return None
    what = rng.choice(("objects", "boxes", "circles"))
    number = {"objects": len(picture.primitives), "boxes": len(picture.boxes), "circles": len(picture.circles)}[what]
    wordings = (f"How many {what} in all?", f"How many {what} does the image hold?", f"Count all the {what}.")
    return (rng.choice(wordings), str(number)) if 0 < number < 10 else None


def variety(rng: Random, picture: Picture) -> Turn | None:
    """Ask how many colors there are, or which of them is there most often."""
    colors = [p.color for p in picture.primitives]
    if picture.things or not colors:
        return None
    if rng.random() < 0.5:
        return rng.choice(("How many colors do the objects have?", "Count the colors.")), str(len(set(colors)))
    first, *others = sorted(set(colors), key=colors.count, reverse=True)
    if others and colors.count(others[0]) == colors.count(first):
        return None
    return rng.choice(("Which color is there most often?", "Name the color that most objects have.")), first


def chosen(rng: Random, picture: Picture) -> Turn | None:
    """Ask for a color or a number by the letter of an option, in a row or one below the other."""
    turn = rng.choice((color_at, letter_to_color, total, total, thing_to_color))(rng, picture)
    if turn is None:
        return None
    known = list(COLORS) if turn[1] in COLORS else [str(n) for n in range(10)]
    options = [turn[1], *rng.sample([other for other in known if other != turn[1]], rng.choice((1, 2, 2)))]
    rng.shuffle(options)
    lettered = list(zip("ABC", options, strict=False))
    if rng.random() < 0.5:
        return turn[0] + "".join(f" ({letter}) {each}" for letter, each in lettered), "ABC"[options.index(turn[1])]
    return turn[0] + "".join(f"\n{letter}. {each}" for letter, each in lettered) + "\n", "ABC"[options.index(turn[1])]


QUESTIONS: tuple[Callable[[Random, Picture], Turn | None], ...] = (
    present, present, side, side_true, kind, total, variety, chosen, chosen, chosen, *LETTER_QUESTIONS,
    *PLACE_QUESTIONS,
)  # fmt: skip
