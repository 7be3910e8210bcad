"""What lessons are about: the primitives of PGT, drawn things beside them, and a ground under both."""

from dataclasses import dataclass

from pgt_lora.data.scene import Box, Canvas, Circle, Scene


@dataclass(frozen=True)
class Thing:
    """A small drawn object that is no primitive; `box` holds its color and the pixels that it fills."""

    name: str
    box: Box
    seed: int = 0

    @property
    def color(self) -> str:
        """The name of the color of most of it."""
        return self.box.color

    @property
    def center(self) -> tuple[float, float]:
        """The middle, in the same coordinates as a box's."""
        return self.box.center


@dataclass(frozen=True)
class Ground:
    """What lies under a picture: a kind of `pgt_lora.tiny.grounds.KINDS`, drawn from a seed."""

    kind: str = "gray"
    seed: int = 0


@dataclass(frozen=True)
class Picture:
    """A scene with things, its ground and how it is drawn; `stroke` is a box's outline in pixels.

    `seed` gives shades and the forms of letters; 0 is as PGT draws them. `hidden` names the colors that the ground
    holds, so that no lesson asks whether they are there.
    """

    canvas: Canvas
    boxes: tuple[Box, ...] = ()
    circles: tuple[Circle, ...] = ()
    things: tuple[Thing, ...] = ()
    ground: Ground = Ground()
    stroke: int = 2
    seed: int = 0
    hidden: frozenset[str] = frozenset()

    @property
    def primitives(self) -> tuple[Box | Circle, ...]:
        """All boxes and circles."""
        return (*self.boxes, *self.circles)

    @property
    def scene(self) -> Scene:
        """The primitives alone."""
        return Scene(self.canvas, self.boxes, self.circles)
