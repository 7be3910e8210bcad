"""Number of circles of one colour among others (paper, section 3.1 and appendix A.2)."""

from collections.abc import Mapping, Sequence
from functools import partial
from random import Random
from statistics import mean

from pgt_lora.core.errors import InputError
from pgt_lora.data.scene import Circle, Scene
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.data.tasks.layout import fits, place_circle
from pgt_lora.data.tasks.task import Probe, Question, Task, TaskSettings, Traits

RADIUS = (0.035, 0.07)  # fractions of the short side
MIN_RADIUS_PX = 3
OPACITY = (0.6, 0.8)  # translucent, yet every colour stays told apart from grey and from the others
MAX_OTHERS = 9


def plan(rng: Random, settings: TaskSettings) -> Question:
    """Draw the number, the colour and the template.

    The three options are a cyclic run of counts in which each place is equally likely to hold the answer: options
    drawn around the answer would give it away as the middle one.
    """
    top = settings.max_count
    if top < 3:
        raise InputError(f"max_count {top}: three options need counts up to 3 at least")
    number = rng.randint(1, top)
    color = rng.choice(sorted(COLORS))
    return ask(color, number, top, draw_options(rng, number, top) if rng.choice("AB") == "B" else None)


def draw_options(rng: Random, number: int, top: int) -> list[int]:
    """Draw three numbers that hold the answer, in random order."""
    step = rng.choice([step for step in (1, 2) if 3 * step <= top])
    start = number - step * rng.randrange(3)
    options = [(start + step * place - 1) % top + 1 for place in range(3)]
    rng.shuffle(options)
    return options


def ask(color: str, number: int, top: int, options: Sequence[int] | None = None) -> Question:
    """Word the question: template B with options, A without."""
    about = {"color": color, "answer": str(number)}
    text = f"How many {color} overlay circles are there?"
    if options is None:
        counts = tuple(str(n) for n in range(1, top + 1))
        return Question(f"{text} Answer with the number directly", str(number), "A", "number", counts, about)
    text += "".join(f" ({letter}) {option}" for letter, option in zip("ABC", options, strict=True))
    letter = "ABC"[options.index(number)]
    text += " Answer with the option's letter from the given choices directly"
    return Question(text, letter, "B", "letter", ("A", "B", "C"), about)


def compose(rng: Random, settings: TaskSettings, question: Question) -> Scene | None:
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


def probe(rng: Random, settings: TaskSettings) -> Probe:
    """Ask for the number of one colour in two scenes, with and without options; both numbers are among them."""
    top, color = settings.max_count, rng.choice(sorted(COLORS))
    options = draw_options(rng, rng.randint(1, top), top)
    first, second = ([ask(color, number, top), ask(color, number, top, options)] for number in rng.sample(options, 2))
    return first, second


def traits(scene: Scene, text: str) -> Traits:
    """Count the circles that are asked for and the others, and measure them."""
    color = text.split()[2]
    asked = [circle for circle in scene.circles if circle.color == color]
    numbers = {
        "circles asked for": float(len(asked)),
        "other circles": float(len(scene.circles) - len(asked)),
        "mean radius": mean(circle.radius for circle in asked) / scene.canvas.short_side,
    }
    return Traits(numbers, {"color": color}, tuple(map(scene.canvas.place, asked)))


TASK = Task(
    "counting", "counting", plan, compose, solve, sees="number", probe=probe, traits=traits,
    remedy="take a larger canvas or a smaller --max-count",
)  # fmt: skip
