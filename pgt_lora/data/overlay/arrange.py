"""One scene for one or several questions, in which nothing touches anything else."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from pgt_lora.data.overlay.plan import Asked
from pgt_lora.data.scene import Box, Circle, Scene
from pgt_lora.data.tasks.layout import GAP, clear, margin_px
from pgt_lora.data.tasks.task import TaskSettings

# What has the least choice of its place comes first. Analogy colors the circles of distance where both are asked.
ORDER = ("coordinates", "relation", "distance", "analogy", "counting")
TRIES = 20  # for the primitives of one task beside those that are there


@dataclass(frozen=True)
class Arrangement:
    """A scene, and by a task's name the middles of the primitives that its question is about."""

    scene: Scene
    middles: dict[str, frozenset[tuple[float, float]]]

    def of(self, task: str) -> Scene:
        """Return the scene without what other questions are about."""
        middles = self.middles[task]
        return replace(
            self.scene,
            boxes=tuple(box for box in self.scene.boxes if box.center in middles),
            circles=tuple(circle for circle in self.scene.circles if circle.center in middles),
        )


def arrange(rng: Random, asked: Sequence[Asked], settings: TaskSettings) -> Arrangement | None:
    """Draw a scene that gives every question its planned answer; None where this draw found no room."""
    scene = Scene(settings.canvas)
    middles = {}
    for each in sorted(asked, key=_turn):
        part = _part(rng, each, replace(settings, taken=scene.primitives))
        if part is None:
            return None
        labels = {circle.label for circle in part.circles} - {None}
        kept = tuple(circle for circle in scene.circles if circle.label not in labels)
        scene = replace(scene, boxes=(*scene.boxes, *part.boxes), circles=(*kept, *part.circles))
        middles[each.task.name] = frozenset(primitive.center for primitive in part.primitives)
    if any(each.task.solve(scene, each.question.about) != each.question.about["answer"] for each in asked):
        return None
    return Arrangement(scene, middles)


def _turn(each: Asked) -> tuple[int, str]:
    name = each.task.name
    return (ORDER.index(name) if name in ORDER else len(ORDER)), name


def _part(rng: Random, each: Asked, settings: TaskSettings) -> Scene | None:
    """Draw the primitives of one question, clear of those that are there."""
    gap_px = margin_px(settings.canvas, GAP)
    for _ in range(TRIES):
        part = each.task.compose(rng, settings, each.question)
        if part and all(
            clear(one, other, gap_px) for one in part.primitives for other in settings.taken if not _same(one, other)
        ):
            return part
    return None


def _same(one: Box | Circle, other: Box | Circle) -> bool:
    """Tell whether a circle is one that was there, in another color."""
    return isinstance(one, Circle) and isinstance(other, Circle) and one.label is not None and one.label == other.label
