"""Scenes of every task, and what of them is painted."""

from collections.abc import Iterator

import numpy as np

from pgt_lora.core.streams import stream
from pgt_lora.data.scene import Box, Canvas, Circle, Figure, Scene, render
from pgt_lora.data.scene.palette import BACKGROUND
from pgt_lora.data.tasks.task import Question, TaskSettings
from tests.support.discovered import TASKS

CANVASES = ["112", "320x240", "240x448"]


def scenes(task: str, size: str, number: int = 300) -> Iterator[tuple[Question, Scene]]:
    """Compose scenes without drawing them."""
    settings = TaskSettings(Canvas.parse(size))
    for index in range(number):
        rng = stream(3, "scenes", task, index)
        question = TASKS[task].plan(rng, settings)
        tried = (TASKS[task].compose(rng, settings, question) for _ in range(500))
        yield question, next(scene for scene in tried if scene is not None)


def extent(shape: Box | Circle | Figure) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of what should be painted, the last two exclusive."""
    if isinstance(shape, Figure):
        return shape.left, shape.top, shape.left + shape.side, shape.top + shape.side
    if isinstance(shape, Box):
        return shape.left, shape.top, shape.right + 1, shape.bottom + 1
    return shape.x - shape.radius, shape.y - shape.radius, shape.x + shape.radius, shape.y + shape.radius


def painted(scene: Scene) -> np.ndarray:
    return (np.asarray(render(scene)) != np.array(BACKGROUND)).any(axis=2)


def painted_extent(scene: Scene) -> tuple[int, ...]:
    rows, columns = np.nonzero(painted(scene))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
