"""Which labeled circle has the color of another (arXiv 2605.23883, section 3.1 and appendix A.2)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from math import dist
from random import Random

from pgt_lora.data.scene import Circle, Scene
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.data.tasks.labels import INSTRUCTION, LETTERS, SHORTCUTS, asked_letter, labeled, options_in, place_labeled
from pgt_lora.data.tasks.task import Probe, Question, Task, TaskSettings, Traits, wording


def plan(rng: Random, settings: TaskSettings) -> Question:
    """Draw the target and the answer."""
    return ask(*rng.sample(LETTERS, 2), bare=rng.random() < 0.5)


def ask(target: str, answer: str, *, bare: bool = True) -> Question:
    """Word the question, which is bare in the paper."""
    body = f"What is the letter of the circle that has the same color as the circle with a {target} in it?"
    text, template = wording(body, "A", INSTRUCTION, bare=bare)
    choices = tuple(letter for letter in LETTERS if letter != target)
    return Question(text, answer, template, "letter", choices, {"target": target, "answer": answer})


def compose(rng: Random, settings: TaskSettings, question: Question) -> Scene | None:
    """Give the target and the answer one color; the other two share another color a quarter of the time.

    If they never did, the pair could be found without reading the question; whenever they do, the answer is the one
    that differs among the three options, whatever the target's color. A quarter keeps both looks alike weak: they are
    right 44% and 50% of the time, by a guess 25% and 33%. Circles with letters that are there already stay where they
    are.
    """
    pair = (question.about["target"], question.about["answer"])
    shared, first, second = rng.sample(sorted(COLORS), 3)
    others = [letter for letter in LETTERS if letter not in pair]
    colors = dict.fromkeys(pair, shared) | dict(
        zip(others, (first, rng.choice((first, second, second, second))), strict=True)
    )
    there = [each for each in settings.taken if isinstance(each, Circle) and each.label]
    circles = [replace(each, color=colors[str(each.label)]) for each in there]
    circles = circles or place_labeled(rng, settings, colors)
    return Scene(settings.canvas, (), tuple(circles)) if circles else None


def solve(scene: Scene, about: Mapping[str, str]) -> str:
    """Return the one other letter of the target's color, or `ambiguous`."""
    target = labeled(scene, about["target"])
    others = [circle for circle in scene.circles if circle.label and circle is not target]
    same = [str(circle.label) for circle in others if circle.color == target.color]
    return same[0] if len(same) == 1 else "ambiguous"


def probe(rng: Random, settings: TaskSettings) -> Probe:
    """Ask for the same letter's color in two scenes, with and without an instruction."""
    target, *answers = rng.sample(LETTERS, 3)
    first, second = ([ask(target, answer, bare=bare) for bare in (True, False)] for answer in answers)
    return first, second


def traits(scene: Scene, text: str) -> Traits:
    """Measure how far the pair is apart, and tell its color and whether the others match, too."""
    target = labeled(scene, asked_letter(text))
    other = next(circle for circle in scene.circles if circle.color == target.color and circle is not target)
    rest = {circle.color for circle in scene.circles} - {target.color}
    names = {"color": target.color, "the other two": "match" if len(rest) == 1 else "differ"}
    distance = dist(target.center, other.center) / scene.canvas.short_side
    return Traits({"distance of the pair": distance}, names, tuple(map(scene.canvas.place, (target, other))))


def _odd_one_out(scene: Scene, text: str) -> str:
    """Answer with the option whose color the other two do not have, where they share one, or else with the first."""
    options = options_in(scene, text)
    times = Counter(circle.color for circle in options)
    odd = [circle for circle in options if times[circle.color] == 1]
    return str((odd if len(odd) == 1 else options)[0].label)


TASK = Task(
    "analogy", "analogy_distance", plan, compose, solve, unit="analogy",
    shortcuts=SHORTCUTS | {"the odd one out of the three": _odd_one_out}, sees="color", probe=probe, traits=traits,
)  # fmt: skip
