"""Short questions about places and what lies there, in several wordings; things are asked for nowhere else."""

from collections.abc import Callable
from random import Random

from pgt_lora.data.scene import Box
from pgt_lora.tiny.objects import Object, Turn, at, everything, fractions, kind_of, name, percent, unique
from pgt_lora.tiny.picture import Picture, Thing
from pgt_lora.tiny.things import NAMES

PLACES = ("top left", "top", "top right", "left", "center", "right", "bottom left", "bottom", "bottom right")


def _alone(rng: Random, picture: Picture) -> tuple[Object, str] | None:
    """Draw an object that has one of nine places for itself, and the place."""

    def cell(q: Object) -> int:
        x, y = at(q, picture)
        return 3 * int(y * 3) + int(x * 3)

    p = rng.choice(everything(picture))
    if sum(cell(q) == cell(p) for q in everything(picture)) > 1:
        return None
    return p, PLACES[cell(p)]


def color_at(rng: Random, picture: Picture) -> Turn | None:
    """Ask for the color of what lies in one of nine places."""
    if not (found := _alone(rng, picture)):
        return None
    p, place = found
    wordings = (
        f"What color is the object at the {place}?",
        f"One object lies at the {place} of the image. Name its color.",
        f"Which color is found at the {place}?",
    )
    return rng.choice(wordings), p.color


def thing_at(rng: Random, picture: Picture) -> Turn | None:
    """Ask for the name of the thing in one of nine places."""
    if not picture.things or not (found := _alone(rng, picture)) or not isinstance(found[0], Thing):
        return None
    p, place = found
    wordings = (
        f"What is at the {place}?",
        f"Name the thing at the {place} of the image.",
        f"What lies at the {place}?",
    )
    return rng.choice(wordings), kind_of(p)


def thing_to_color(rng: Random, picture: Picture) -> Turn | None:
    """Ask for the color of a thing."""
    if not picture.things:
        return None
    p = rng.choice(picture.things)
    wordings = (f"What color is the {p.name}?", f"Find the {p.name} in the image and name its color.")
    return rng.choice(wordings), p.color


def color_to_thing(rng: Random, picture: Picture) -> Turn | None:
    """Ask for the thing of a color."""
    known = [p for p in unique(picture) if isinstance(p, Thing)]
    if not known:
        return None
    p = rng.choice(known)
    wordings = (f"Which thing is {p.color}?", f"What is the {p.color} thing in the image?")
    return rng.choice(wordings), p.name


def thing_present(rng: Random, picture: Picture) -> Turn | None:
    """Ask whether a thing is there."""
    if not picture.things:
        return None
    here = [p.name for p in picture.things]
    true = rng.random() < 0.5
    asked = rng.choice(here if true else [each for each in NAMES if each not in here])
    article = "an" if asked[0] in "aeiou" else "a"
    wordings = (
        f"Is there {article} {asked}?",
        f"The image shows {article} {asked}.",
        f"One thing is {article} {asked}.",
    )
    return rng.choice(wordings), str(true)


def where(rng: Random, picture: Picture) -> Turn | None:
    """Ask for the place of a colored object in per cent."""
    if not (known := unique(picture)):
        return None
    p = rng.choice(known)
    wordings = (
        f"At which percent is the {p.color} object?",
        f"Where does the {p.color} object lie, in percent across and down?",
    )
    return rng.choice(wordings), "(" + percent(p, picture).replace(" ", ", ") + ")"


def where_in_fractions(rng: Random, picture: Picture) -> Turn | None:
    """Ask for the place of a circle, letter or thing as fractions; never of a box, which is what PGT asks."""
    known = [p for p in unique(picture) if not isinstance(p, Box)]
    if not known:
        return None
    p = rng.choice(known)
    named = f"the {p.color} {'thing' if isinstance(p, Thing) else 'circle'}"
    if kind_of(p) != "circle" and rng.random() < 0.6:
        named = f"the {kind_of(p)}" if isinstance(p, Thing) else f"letter {kind_of(p)}"
    square = rng.random() < 0.5
    brackets = "square" if square else "round"
    wordings = (
        f"Where is {named}, as two fractions in {brackets} brackets?",
        f"How far across and down is {named}? Give two fractions in {brackets} brackets.",
    )
    return rng.choice(wordings), fractions(p, picture, square)


def at_fractions(rng: Random, picture: Picture) -> Turn:
    """Ask what lies at a place that is given as fractions."""
    p = rng.choice(everything(picture))
    place = fractions(p, picture, rng.random() < 0.5)
    wordings = (f"What is at {place}?", f"Which object has its middle at {place}?", f"Go to {place}. What is there?")
    return rng.choice(wordings), name(p)


PLACE_QUESTIONS: tuple[Callable[[Random, Picture], Turn | None], ...] = (
    color_at, thing_at, thing_at, thing_to_color, color_to_thing, thing_present, where, where_in_fractions,
    where_in_fractions, at_fractions,
)  # fmt: skip
