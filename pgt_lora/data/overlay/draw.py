"""Draws questions' primitives over one photograph: at another place, opaque or cased where they would leave a doubt."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random

from PIL import Image

from pgt_lora.data.overlay.arrange import Arrangement, arrange
from pgt_lora.data.overlay.certainty import measures
from pgt_lora.data.overlay.look_alikes import shows_look_alike
from pgt_lora.data.overlay.plan import Asked
from pgt_lora.data.scene import Scene, render
from pgt_lora.data.scene.render import casing_width
from pgt_lora.data.tasks.layout import GAP, margin_px
from pgt_lora.data.tasks.task import TaskSettings

TRIES = 10  # places, for each way of drawing
MIN_OPACITY = 0.8  # the most that circles have on gray: with less, some come out in another color's name


class Outcome(StrEnum):
    """What became of a row that was chosen."""

    FIRST = "drawn at the first place"
    ELSEWHERE = "drawn at another place"
    OPAQUE = "made opaque"
    CASED = "given a casing"
    UNCERTAIN = "left alone: a doubt everywhere"
    LOOK_ALIKE = "left alone: shows what could be meant"
    NO_ROOM = "left alone: no room"
    SIZE = "left alone: too small or too long"
    HOLDS = "left alone: holds primitives already"
    TEXT_ONLY = "passed: text alone"
    SEVERAL = "passed: several images"


@dataclass(frozen=True)
class Overlaid:
    """A photograph with primitives, and how they had to be drawn."""

    picture: Image.Image
    arrangement: Arrangement
    outcome: Outcome


def overlay(rng: Random, photograph: Image.Image, asked: Sequence[Asked], settings: TaskSettings) -> Overlaid | Outcome:
    """Draw what questions are about over a photograph (RGB, of the canvas's size), or say why it is left alone."""
    if shows_look_alike(photograph, asked):
        return Outcome.LOOK_ALIKE
    has_room = False
    for way in (Outcome.ELSEWHERE, Outcome.OPAQUE, Outcome.CASED):
        for tries in range(TRIES):
            arrangement = arrange(rng, asked, settings)
            if arrangement is None:
                continue
            scene = in_way(arrangement.scene, way)
            if scene is None:
                break
            has_room = True
            picture = render(scene, photograph)
            if all(each.is_certain for each in measures(scene, picture)):
                is_first = way == Outcome.ELSEWHERE and tries == 0
                return Overlaid(picture, replace(arrangement, scene=scene), Outcome.FIRST if is_first else way)
    return Outcome.UNCERTAIN if has_room else Outcome.NO_ROOM


def in_way(scene: Scene, way: Outcome) -> Scene | None:
    """Return a scene drawn in a way; None where that is none of its own, or not possible in its size."""
    opacity = MIN_OPACITY if way == Outcome.ELSEWHERE else 1.0
    circles = tuple(replace(circle, opacity=max(opacity, circle.opacity)) for circle in scene.circles)
    drawn = replace(scene, circles=circles)
    if way != Outcome.CASED:
        return None if way == Outcome.OPAQUE and drawn == scene else drawn
    casing = casing_width(scene.canvas)
    if 2 * casing >= margin_px(scene.canvas, GAP):  # neighbors would touch
        return None
    return replace(drawn, look=replace(scene.look, casing_px=casing))
