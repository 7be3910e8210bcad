"""How far cheap partial looks at an image get: what a model could learn in place of what it is asked."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pgt_lora.data.points import best_guess, is_near
from pgt_lora.data.sample import AnswerFormat, parse_point
from pgt_lora.data.scene import Scene
from pgt_lora.data.turns import question
from pgt_lora.data.weights import tasks

MAX_ROWS = 2000  # of a task


@dataclass(frozen=True)
class Look:
    """A cheap look at the scenes of one task: how often it is right, and how often a guess without the image is.

    `chance` is a guess among the choices; of points, which are no finite set, the point that is most often right.
    """

    task: str
    name: str
    num_samples: int
    num_right: int
    chance: float

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return self.num_right / self.num_samples

    @property
    def above_chance(self) -> float:
        """By how much the accuracy is above chance."""
        return self.accuracy - self.chance


def looks(rows: Iterable[Mapping[str, Any]]) -> list[Look]:
    """Return what the shortcuts of every task reach on rows of a dataset directory that have a scene.

    At most 2,000 rows of a task are looked at, the first ones.
    """
    by_task: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    known = tasks()
    for row in rows:
        task = known.get(row["task"]) if row["scene"] else None
        if task and task.shortcuts and len(by_task[task.name]) < MAX_ROWS:
            by_task[task.name].append(row)
    return [look for name, kept in sorted(by_task.items()) for look in _looks(name, kept)]


def _looks(task: str, rows: list[Mapping[str, Any]]) -> list[Look]:
    seen = [(Scene.from_json(row["scene"]), question(row), row) for row in rows]
    chance = _chance(rows)
    return [
        Look(task, name, len(rows), sum(_is_right(answer(scene, text), row) for scene, text, row in seen), chance)
        for name, answer in tasks()[task].shortcuts.items()
    ]


def _chance(rows: Sequence[Mapping[str, Any]]) -> float:
    if all(row["choices"] for row in rows):
        return sum(1 / len(row["choices"]) for row in rows) / len(rows)
    points = [
        point for row in rows if row["answer_format"] == AnswerFormat.POINT and (point := parse_point(row["answer"]))
    ]
    return best_guess(points) / len(rows) if len(points) == len(rows) else 0.0


def _is_right(answer: str, row: Mapping[str, Any]) -> bool:
    if row["answer_format"] != AnswerFormat.POINT:
        return answer == row["answer"]
    guess, point = parse_point(answer), parse_point(row["answer"])
    if guess is None or point is None:
        return False
    return is_near(guess, point)
