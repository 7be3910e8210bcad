"""Grounds that are laid under scenes, of which only those are taken on which every label is certain."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import file_digest
from pgt_lora.data.scene import Box, Canvas, Circle
from pgt_lora.data.scene.palette import BACKGROUND, COLORS, blend, delta_e
from pgt_lora.data.varied import is_own
from pgt_lora.studies.compare.transfer.photographs import ALL, TEST, TRAIN, crop, license_of
from pgt_lora.studies.compare.transfer.textures import TEXTURES, texture
from pgt_lora.tiny.grounds import far_from_names, is_certain
from pgt_lora.tiny.picture import Thing

Objects = Sequence[Box | Circle | Thing]

GROUND_TRIES = 20  # crops of one photograph, or textures of one kind; then the next one takes its turn
LEAST_FROM_GRAY = 20.0  # color difference of another plain color from PGT's gray


@dataclass(frozen=True)
class Grounds:
    """Grounds of one sort: `names` take turns, and `draw` draws one by its name.

    Where `are_images`, a name stands for one photograph: intervals resample all that was cut from it as a whole.
    """

    sort: str
    names: tuple[str, ...]
    draw: Callable[[Random, Canvas, str], np.ndarray]
    are_images: bool = False

    @property
    def made_of(self) -> dict[str, str]:
        """What the grounds depend on beside the code: the photographs, by the hashes of their files."""
        return {name: file_digest(ALL[name].path) if self.are_images else "" for name in self.names}

    def sources(self, name: str, num_samples: int) -> dict[str, Any]:
        """Return the field of a manifest that says on what terms samples of a source over these grounds are."""
        if not self.are_images:
            return {}
        return {"sources": {name: {"license": license_of(self.names), "drawn": num_samples}}}


@dataclass(frozen=True)
class Laid:
    """A ground that was taken: its pixels (height, width, 3), its name, and the names of those rejected before it."""

    pixels: np.ndarray
    name: str
    rejected: tuple[str, ...]


def lay(rng: Random, grounds: Grounds, turn: int, canvas: Canvas, objects: Objects) -> Laid:
    """Draw a ground on which no object could be lost or be taken for one of another color.

    Raises:
        InputError: none was found, by whatever name.
    """
    rejected: list[str] = []
    for place in range(len(grounds.names)):
        name = grounds.names[(turn + place) % len(grounds.names)]
        laid = lay_named(rng, grounds, name, canvas, objects)
        if laid:
            return Laid(laid.pixels, name, (*rejected, *laid.rejected))
        rejected += [name] * GROUND_TRIES
    raise InputError(
        f"{grounds.sort}: no ground in {len(rejected)} tries on which the colors of a scene are certain; give fewer "
        "--num_test_samples, or another --max_count"
    )


def lay_named(rng: Random, grounds: Grounds, name: str, canvas: Canvas, objects: Objects) -> Laid | None:
    """Draw a ground of one name as `lay` does, or None where there is none in many tries."""
    for tries in range(GROUND_TRIES):
        pixels = grounds.draw(rng, canvas, name)
        far = far_from_names(pixels)
        if all(is_certain(each, pixels, far) and keeps_color(each, pixels) for each in objects):
            return Laid(pixels, name, (name,) * tries)
    return None


def keeps_color(each: Box | Circle | Thing, pixels: np.ndarray) -> bool:
    """Tell whether a circle that lets a ground through comes out clearly nearer to its own color than to any other."""
    if not isinstance(each, Circle) or each.opacity == 1:
        return True
    rows, columns = (slice(middle - each.radius, middle + each.radius) for middle in (each.y, each.x))
    red, green, blue = (round(float(channel)) for channel in pixels[rows, columns].mean((0, 1)))
    return is_own(each.color, blend(COLORS[each.color], each.opacity, (red, green, blue)))


class Tally:
    """Counts how often each ground was taken and rejected, and how many were rejected for each task."""

    def __init__(self) -> None:
        self.taken, self.rejected, self.of_tasks = Counter[str](), Counter[str](), Counter[str]()

    def count(self, task: str, laid: Laid) -> None:
        """Count what was laid under one scene."""
        self.taken[laid.name] += 1
        self.rejected.update(laid.rejected)
        self.of_tasks[task] += len(laid.rejected)

    def facts(self) -> dict[str, dict[str, int]]:
        """Return the counts as fields of a manifest."""
        counts = {"grounds": self.taken, "rejected_grounds": self.rejected, "rejections": self.of_tasks}
        return {name: dict(sorted(counter.items())) for name, counter in counts.items()}


def group_of(laid: Laid) -> str:
    """Return the name of the image group of all that was cut from one photograph."""
    return f"photograph-{laid.name}"


def plain_color(rng: Random, canvas: Canvas, name: str) -> np.ndarray:
    """Return one color that is not near PGT's gray, drawn from all RGB values alike."""
    while True:
        color = (rng.randrange(256), rng.randrange(256), rng.randrange(256))
        if delta_e(color, BACKGROUND) >= LEAST_FROM_GRAY:
            return np.full((canvas.height, canvas.width, 3), color, np.uint8)


PLAIN_COLORS = Grounds("colors", ("plain",), plain_color)
TEXTURES_UNSEEN = Grounds("textures", tuple(TEXTURES), texture)
PHOTOGRAPHS = {
    "train": Grounds("photographs", tuple(TRAIN), crop, are_images=True),
    "test": Grounds("photographs", tuple(TEST), crop, are_images=True),
}
