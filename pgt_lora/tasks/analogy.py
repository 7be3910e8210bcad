"""Which labelled circle has the colour of another (paper, section 3.1 and appendix A.2)."""

from collections.abc import Mapping
from random import Random

from pgt_lora.scene import Scene
from pgt_lora.scene.palette import COLORS
from pgt_lora.tasks.labels import LETTERS, place_labelled
from pgt_lora.tasks.task import Question, Settings, Task


def plan(rng: Random, settings: Settings) -> Question:
    """Draw the target and the answer."""
    target, answer = rng.sample(LETTERS, 2)
    text = f"What is the letter of the circle that has the same color as the circle with a {target} in it?"
    choices = tuple(letter for letter in LETTERS if letter != target)
    return Question(text, answer, "A", "letter", choices, {"target": target, "answer": answer})


def compose(rng: Random, settings: Settings, question: Question) -> Scene | None:
    """Give the target and the answer one colour; the other two share another colour half of the time.

    If only one pair ever matched, the pair could be found without reading the question.
    """
    pair = (question.about["target"], question.about["answer"])
    shared, first, second = rng.sample(sorted(COLORS), 3)
    others = [letter for letter in LETTERS if letter not in pair]
    colors = dict.fromkeys(pair, shared) | dict(zip(others, (first, rng.choice((first, second))), strict=True))
    circles = place_labelled(rng, settings.canvas, colors)
    return Scene(settings.canvas, (), tuple(circles)) if circles else None


def solve(scene: Scene, about: Mapping[str, str]) -> str:
    """Return the one other letter of the target's colour, or `ambiguous`."""
    target = next(circle for circle in scene.circles if circle.label == about["target"])
    same = [str(circle.label) for circle in scene.circles if circle.color == target.color and circle is not target]
    return same[0] if len(same) == 1 else "ambiguous"


TASK = Task("analogy", "analogy_distance", plan, compose, solve)
