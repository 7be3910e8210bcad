"""Short questions about letters and their colors, in several wordings."""

from collections.abc import Callable
from random import Random

from pgt_lora.data.scene import Circle
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.tiny.objects import Turn, at, lettered, tenths, unique
from pgt_lora.tiny.picture import Picture


def letter_to_color(rng: Random, picture: Picture) -> Turn | None:
    """Ask for the color of a letter's circle."""
    if not (circles := lettered(picture)):
        return None
    c = rng.choice(circles)
    wordings = (
        f"What color is the letter {c.label}?",
        f"Find the circle with {c.label} written on it. What color is it?",
        f"Name the color of {c.label} in the image.",
    )
    return rng.choice(wordings), c.color


def color_to_letter(rng: Random, picture: Picture) -> Turn | None:
    """Ask for the letter in the circle of a color."""
    known = [p for p in unique(picture) if isinstance(p, Circle) and p.label]
    if not known:
        return None
    c = rng.choice(known)
    wordings = (
        f"Which letter is {c.color}?",
        f"What letter is written on the {c.color} circle?",
        f"Find the {c.color} circle in the image and read what is written on it.",
    )
    return rng.choice(wordings), str(c.label)


def letter_at(rng: Random, picture: Picture) -> Turn | None:
    """Ask which letter is nearest to a corner or to the center."""
    circles = lettered(picture)
    if len(circles) < 2:
        return None
    place, x, y = rng.choice(
        (("top left", 0, 0), ("top right", 1, 0), ("bottom left", 0, 1), ("bottom right", 1, 1), ("center", 0.5, 0.5))
    )
    near = sorted(circles, key=lambda c: (at(c, picture)[0] - x) ** 2 + (at(c, picture)[1] - y) ** 2)
    first, second = (((at(c, picture)[0] - x) ** 2 + (at(c, picture)[1] - y) ** 2) ** 0.5 for c in near[:2])
    wordings = (f"Which letter is nearest to the {place}?", f"Go to the {place} of the image: which letter is nearest?")
    return (rng.choice(wordings), str(near[0].label)) if second - first > 0.06 else None


def apart(rng: Random, picture: Picture) -> Turn | None:
    """Ask how far two letters are from each other, in tenths of the side."""
    circles = lettered(picture)
    if len(circles) < 2:
        return None
    a, b = rng.sample(circles, 2)
    wordings = (
        f"How far is {a.label} from {b.label} in tenths?",
        f"How many tenths is it from {a.label} to {b.label}?",
    )
    return rng.choice(wordings), str(tenths(a, b, picture))


def colored(rng: Random, picture: Picture) -> Turn | None:
    """State that a letter has a color, or that two letters share one, and ask whether that is true."""
    if not (circles := lettered(picture)):
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


def letters_of_color(rng: Random, picture: Picture) -> Turn | None:
    """Ask for all letters of a color."""
    if not (circles := lettered(picture)):
        return None
    color = rng.choice([c.color for c in circles] if rng.random() < 0.8 else list(COLORS))
    wordings = (f"Which letters are {color}?", f"List the letters that are {color}.", f"Read all {color} letters.")
    return rng.choice(wordings), " ".join(str(c.label) for c in circles if c.color == color) or "none"


def matches(rng: Random, picture: Picture) -> Turn | None:
    """Ask how many other letters match one."""
    circles = lettered(picture)
    if len(circles) < 2:
        return None
    c = rng.choice(circles)
    wordings = (f"How many other letters match {c.label}?", f"Count the letters that match {c.label}.")
    return rng.choice(wordings), str(sum(other.color == c.color for other in circles) - 1)


LETTER_QUESTIONS: tuple[Callable[[Random, Picture], Turn | None], ...] = (
    letter_to_color, color_to_letter, letter_at, apart, colored, colored, letters_of_color, matches,
)  # fmt: skip
