"""Which labelled circle is nearest to another (paper, section 3.1 and appendix A.2)."""

from collections.abc import Mapping
from random import Random

from pgt_lora.scene import Scene
from pgt_lora.scene.palette import COLORS
from pgt_lora.tasks.labels import LETTERS, place_labelled
from pgt_lora.tasks.task import Question, Settings, Task

# The nearest circle is at most this fraction as far as the next one.
MAX_RATIO = 0.75


def plan(rng: Random, settings: Settings) -> Question:
    """Draw the target, the answer and the order of the options."""
    target, *options = rng.sample(LETTERS, len(LETTERS))
    answer = rng.choice(options)
    text = (
        f"There are four colored circles labeled {', '.join(LETTERS)} in this image. "
        f"Which one is closest to {target}: {options[0]}, {options[1]}, or {options[2]}?"
    )
    return Question(text, answer, "A", "letter", tuple(options), {"target": target, "answer": answer})


def compose(rng: Random, settings: Settings, question: Question) -> Scene | None:
    """Place four circles of one size, the planned one clearly nearest to the target (centre to centre)."""
    circles = place_labelled(rng, settings.canvas, {letter: rng.choice(sorted(COLORS)) for letter in LETTERS})
    scene = Scene(settings.canvas, (), tuple(circles))
    return scene if circles and solve(scene, question.about) == question.about["answer"] else None


def solve(scene: Scene, about: Mapping[str, str]) -> str:
    """Return the letter nearest to the target, or `ambiguous`."""
    target = next(circle for circle in scene.circles if circle.label == about["target"])
    far = {
        str(circle.label): ((circle.x - target.x) ** 2 + (circle.y - target.y) ** 2) ** 0.5
        for circle in scene.circles
        if circle is not target
    }
    nearest, second = sorted(far, key=far.__getitem__)[:2]
    return nearest if far[nearest] <= MAX_RATIO * far[second] else "ambiguous"


TASK = Task("distance", "analogy_distance", plan, compose, solve)
