"""A PGT task: what is asked, and the scene that makes one answer certain.

The question and its answer are drawn first, then scenes are composed until one fits. A scene that is rejected is
drawn again for the same question, so that no rejection can make an answer rarer than another.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from pgt_lora.core.errors import InputError
from pgt_lora.data.scene import Box, Canvas, Circle, Scene
from pgt_lora.data.style import Style


@dataclass(frozen=True)
class TaskSettings:
    """What is chosen for all tasks.

    `taken` lies on the canvas already, and what is placed keeps clear of it. Only circles with letters are given new
    colors by a task that asks about letters.
    """

    canvas: Canvas = field(default_factory=lambda: Canvas(448, 448))
    max_count: int = 9  # the largest number that the counting task asks for
    style: Style = Style.PLAIN
    split: str = "train"  # a task that holds out kinds of objects goes by it
    num_distractors: int | None = None  # of the absolute_position task; None: 0, 1, 3 or 5, drawn anew each time
    min_letter_px: int = 9  # how tall a letter is at least
    taken: tuple[Box | Circle, ...] = ()


@dataclass(frozen=True)
class Question:
    """A question with its planned answer.

    `choices` are the answers that the wording leaves possible, or None where they are no finite set. `about` says in
    plain words what the question is about (colors, letters, numbers); `solve` reads the answer's meaning from it.
    """

    text: str
    answer: str
    template: str
    answer_format: str
    choices: tuple[str, ...] | None
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Traits:
    """What may make one item harder than another, by what it measures.

    Lengths in `numbers` are fractions of the canvas's short side; `places` are the middles of what is asked about, as
    fractions of width and height.
    """

    numbers: Mapping[str, float]
    names: Mapping[str, str]
    places: tuple[tuple[float, float], ...]
    grid: int = 5  # cells on each axis of a map of the places


Probe = tuple[list[Question], list[Question]]
# What a cheap look at a scene takes for the answer to a question's text.
Shortcut = Callable[[Scene, str], str]


def wording(body: str, template: str, instruction: str, *, bare: bool) -> tuple[str, str]:
    """Return a question's text and its template's name: with a formatting instruction behind it, or bare."""
    return (body, f"{template} bare") if bare else (f"{body} {instruction}", template)


@dataclass(frozen=True)
class Task:
    """One task of a family.

    `plan(rng, settings)` draws a question and its answer; `compose(rng, settings, question)` draws a scene for it, or
    None where the draw was ambiguous; `solve(scene, about)` finds from the scene alone what `Question.about` should
    lead to: the answer's meaning, before it is put into a template's words (`Question.about["answer"]`).

    `shortcuts` are cheap partial looks by what they look at; each must do little better than chance.

    The next three are for the diagnosis, and a task can do without. `sees` names what an image must be read for:
    `color`, `place` or `number`. `probe(rng, settings)` asks one thing in several wordings, of two scenes: two lists of
    the same texts, with other answers. `traits(scene, text)` tells what makes an item hard, from scene and wording.

    `unit` names the tasks that are left out together in a leave-one-out comparison (the paper's table 3): those of its
    family, unless it says otherwise. A `companion` is drawn only where it is named; the others are the mix that is
    drawn by default. Where the items of a task can be listed, `exhaust(rng, settings)` yields the question of every
    one, once. `remedy` is what to change where no scene was found.
    """

    name: str
    family: str
    plan: Callable[[Random, TaskSettings], Question]
    compose: Callable[[Random, TaskSettings, Question], Scene | None]
    solve: Callable[[Scene, Mapping[str, str]], str]
    unit: str = ""
    companion: bool = False
    exhaust: Callable[[Random, TaskSettings], Iterator[Question]] | None = None
    shortcuts: Mapping[str, Shortcut] = field(default_factory=dict)
    sees: str = ""
    probe: Callable[[Random, TaskSettings], Probe] | None = None
    traits: Callable[[Scene, str], Traits] | None = None
    remedy: str = "take a larger canvas, or one that is nearer to a square"

    def has_room(self, settings: TaskSettings) -> bool:
        """Tell whether the task can be drawn on a canvas: letters, circles or decimals may be too small there."""
        rng = Random(0)
        try:
            self.compose(rng, settings, self.plan(rng, settings))
        except InputError:
            return False
        return True
