"""Which rows are chosen, and what is asked of each: decided by the seed and the row's id, before anything is drawn.

The number that chooses a row is the first of its stream. So the rows of a smaller share are among those of a larger
one, and their questions are the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from random import Random
from typing import Protocol

from pgt_lora.core.errors import InputError, choices
from pgt_lora.core.streams import stream
from pgt_lora.data.limit import check_limit
from pgt_lora.data.scene import Canvas
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.data.tasks.task import Question, Task, TaskSettings
from pgt_lora.data.weights import mixed, parse_weights, tasks

MAX_TASKS = 3
LONG_SIDE_PX = 1280  # of an image as it is seen, where nothing more is known of the model
MIN_SHORT_SIDE_PX = 80  # as seen: the outlines of smaller boxes close
MAX_RATIO = 4.0  # of the long side to the short one; scenes are not tried on longer images


class Seen(Protocol):
    """The size in which a model sees an image of a size; `name` says of which model, for the manifest."""

    @property
    def name(self) -> str:
        """The model's name, or what else is known of it."""

    def __call__(self, canvas: Canvas) -> Canvas:
        """Return the size as seen, of the same ratio of sides."""


@dataclass(frozen=True)
class WithinLongSide:
    """Sight where nothing more is known of the model: a long side of 1,280 pixels where the image's is longer."""

    name: str = f"a long side of {LONG_SIDE_PX} pixels"

    def __call__(self, canvas: Canvas) -> Canvas:
        """Return the size as seen."""
        return scaled(canvas, min(1.0, LONG_SIDE_PX / max(canvas.width, canvas.height)))


within_long_side = WithinLongSide()


@dataclass(frozen=True)
class OverlaySettings:
    """How many rows are drawn over, and how.

    `proportion` is the share of the rows that are chosen. With `separate`, the original row stays as it is, and the
    photograph with primitives becomes a row of its own. `limit` is how many rows are taken, all where it is None.
    `tasks` says how often each task is drawn, as a recipe's does.
    """

    proportion: float = 0.05
    tasks_per_image: int = 1
    separate: bool = False
    seed: int = 0
    limit: int | None = None
    tasks: str = "families"

    def check(self) -> None:
        """Raise `InputError` where a value is out of its range."""
        if not 0 < self.proportion <= 1:
            raise InputError(f"--proportion {self.proportion}: must be a share above 0, up to 1")
        check_limit(self.limit)
        if not 1 <= self.tasks_per_image <= MAX_TASKS:
            raise InputError(f"--tasks-per-image {self.tasks_per_image}: from 1 to {MAX_TASKS}")
        drawn = [task.name for task in mixed()]
        if others := sorted(set(parse_weights(self.tasks)) - set(drawn)):
            raise InputError(
                f"tasks {self.tasks!r}: {others[0]} cannot be drawn over photographs; known: {choices(drawn)}"
            )


@dataclass(frozen=True)
class Asked:
    """One question, and the task that it is of."""

    task: Task
    question: Question


def row_stream(seed: int, name: str) -> Random:
    """Return the stream of a row; its first number says whether it is chosen."""
    return stream(seed, "overlay", name)


def is_chosen(settings: OverlaySettings, name: str) -> bool:
    """Tell whether the row of this id is drawn over."""
    return row_stream(settings.seed, name).random() < settings.proportion


def scaled(canvas: Canvas, share: float) -> Canvas:
    """Return a size times a share."""
    return Canvas(max(1, round(share * canvas.width)), max(1, round(share * canvas.height)))


def settings_for(canvas: Canvas, seen: Canvas) -> TaskSettings:
    """Return the tasks' settings on an image: letters keep their least height as they are seen."""
    return TaskSettings(canvas, min_letter_px=ceil(TaskSettings.min_letter_px * canvas.short_side / seen.short_side))


@lru_cache
def possible_tasks(seen: Canvas) -> tuple[str, ...]:
    """Return the tasks that can be drawn on an image that is seen in this size; none on small or long ones."""
    if seen.short_side < MIN_SHORT_SIDE_PX or max(seen.width, seen.height) > MAX_RATIO * seen.short_side:
        return ()
    return tuple(task.name for task in mixed() if task.has_room(TaskSettings(seen)))


def plan(
    rng: Random, settings: TaskSettings, possible: Sequence[str], number: int, shares: str = "families"
) -> tuple[Asked, ...]:
    """Draw questions of distinct tasks, as many as are asked for or possible; the first are those of a smaller number.

    `shares` say how often each task is drawn. No color is named by two of them, so that what one asks for is never what
    another one shows.
    """
    weights = parse_weights(shares)
    left = [name for name in possible if name in weights]
    asked: list[Asked] = []
    named: set[str] = set()
    while left and len(asked) < number:
        name = rng.choices(left, [weights[each] for each in left])[0]
        left.remove(name)
        task = tasks()[name]
        while named & (colors := _colors(question := task.plan(rng, settings))):
            pass
        named |= colors
        asked.append(Asked(task, question))
    return tuple(asked)


def _colors(question: Question) -> set[str]:
    return set(question.about.values()) & set(COLORS)
