"""Which labelled circle is nearest to another (paper, section 3.1 and appendix A.2)."""

from collections.abc import Mapping, Sequence
from math import dist
from random import Random

from pgt_lora.data.scene import Scene
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.data.tasks.labels import LETTERS, labelled, place_labelled
from pgt_lora.data.tasks.task import Probe, Question, Task, TaskSettings, Traits

# The nearest circle is at most this fraction as far as the next one.
MAX_RATIO = 0.75


def plan(rng: Random, settings: TaskSettings) -> Question:
    """Draw the target, the answer and the order of the options."""
    target, *options = rng.sample(LETTERS, len(LETTERS))
    return ask(target, options, rng.choice(options))


def ask(target: str, options: Sequence[str], answer: str) -> Question:
    """Word the question."""
    text = (
        f"There are four colored circles labeled {', '.join(LETTERS)} in this image. "
        f"Which one is closest to {target}: {options[0]}, {options[1]}, or {options[2]}?"
    )
    return Question(text, answer, "A", "letter", tuple(options), {"target": target, "answer": answer})


def compose(rng: Random, settings: TaskSettings, question: Question) -> Scene | None:
    """Place four circles of one size, the planned one clearly nearest to the target (centre to centre)."""
    circles = place_labelled(rng, settings.canvas, {letter: rng.choice(sorted(COLORS)) for letter in LETTERS})
    scene = Scene(settings.canvas, (), tuple(circles))
    return scene if circles and solve(scene, question.about) == question.about["answer"] else None


def solve(scene: Scene, about: Mapping[str, str]) -> str:
    """Return the letter nearest to the target, or `ambiguous`."""
    target = labelled(scene, about["target"])
    far = {
        str(circle.label): ((circle.x - target.x) ** 2 + (circle.y - target.y) ** 2) ** 0.5
        for circle in scene.circles
        if circle is not target
    }
    nearest, second = sorted(far, key=far.__getitem__)[:2]
    return nearest if far[nearest] <= MAX_RATIO * far[second] else "ambiguous"


def probe(rng: Random, settings: TaskSettings) -> Probe:
    """Ask for the letter nearest to one in two scenes, with the options in two orders."""
    target, *options = rng.sample(LETTERS, len(LETTERS))
    orders = options, [*options[1:], options[0]]
    first, second = ([ask(target, order, answer) for order in orders] for answer in rng.sample(options, 2))
    return first, second


def traits(scene: Scene, text: str) -> Traits:
    """Measure how far the nearest is and what part of the next one's distance that is."""
    target = labelled(scene, text.split("closest to ")[1][0])
    others = sorted((dist(each.center, target.center), each.x, each.y) for each in scene.circles if each is not target)
    nearest = next(each for each in scene.circles if (each.x, each.y) == others[0][1:])
    numbers = {
        "distance of the nearest": others[0][0] / scene.canvas.short_side,
        "nearest / next": others[0][0] / others[1][0],
    }
    return Traits(numbers, {}, tuple(map(scene.canvas.place, (target, nearest))))


TASK = Task(
    "distance", "analogy_distance", plan, compose, solve, unit="distance", sees="place", probe=probe, traits=traits
)
