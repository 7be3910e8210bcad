"""Number of circles of one colour among others (paper, section 3.1 and appendix A.2)."""

from collections.abc import Mapping
from functools import partial
from random import Random

from pgt_lora.errors import InputError
from pgt_lora.scene import Circle, Scene
from pgt_lora.scene.palette import COLORS
from pgt_lora.tasks.layout import fits, place_circle
from pgt_lora.tasks.task import Question, Settings, Task

RADIUS = (0.035, 0.07)  # fractions of the short side
MIN_RADIUS_PX = 3
OPACITY = (0.6, 0.8)  # translucent, yet every colour stays told apart from grey and from the others
MAX_OTHERS = 9


def plan(rng: Random, settings: Settings) -> Question:
    """Draw the number, the colour and the template.

    The three options are a cyclic run of counts in which each place is equally likely to hold the answer: options
    drawn around the answer would give it away as the middle one.
    """
    top = settings.max_count
    if top < 3:
        raise InputError(f"max_count {top}: three options need counts up to 3 at least")
    number = rng.randint(1, top)
    color = rng.choice(sorted(COLORS))
    about = {"color": color, "answer": str(number)}
    template = rng.choice("AB")
    text = f"How many {color} overlay circles are there?"
    if template == "A":
        counts = tuple(str(n) for n in range(1, top + 1))
        return Question(f"{text} Answer with the number directly", str(number), template, "number", counts, about)
    step = rng.choice([step for step in (1, 2) if 3 * step <= top])
    start = number - step * rng.randrange(3)
    options = [(start + step * place - 1) % top + 1 for place in range(3)]
    rng.shuffle(options)
    text += "".join(f" ({letter}) {option}" for letter, option in zip("ABC", options, strict=True))
    letter = "ABC"[options.index(number)]
    text += " Answer with the option's letter from the given choices directly"
    return Question(text, letter, template, "letter", ("A", "B", "C"), about)


def compose(rng: Random, settings: Settings, question: Question) -> Scene | None:
    """Place the counted circles and as many others as may be, none touching another."""
    canvas, color = settings.canvas, question.about["color"]
    if RADIUS[0] * canvas.short_side < MIN_RADIUS_PX:
        raise InputError(
            f"canvas {canvas}: circles would be smaller than {2 * MIN_RADIUS_PX} pixels; take a larger one"
        )
    others = rng.sample([c for c in sorted(COLORS) if c != color], rng.randint(1, 3))
    colors = [color] * int(question.about["answer"]) + rng.choices(others, k=rng.randint(0, MAX_OTHERS))
    opacity = rng.uniform(*OPACITY)
    circles: list[Circle] = []
    for each in rng.sample(colors, len(colors)):
        draw = partial(place_circle, rng, canvas, each, rng.uniform(*RADIUS), opacity=opacity)
        placed = fits(draw, circles, canvas)
        if not placed:
            return None
        circles += placed
    return Scene(canvas, (), tuple(circles))


def solve(scene: Scene, about: Mapping[str, str]) -> str:
    """Return the number of circles of the colour."""
    return str(sum(circle.color == about["color"] for circle in scene.circles))


TASK = Task("counting", "counting", plan, compose, solve)
