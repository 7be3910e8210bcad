"""The primitives of a scene. Lengths are in pixels; the origin is the top left corner of the canvas."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.data.scene.palette import BACKGROUND, COLORS, Rgb


@dataclass(frozen=True)
class Canvas:
    """The size of an image in pixels."""

    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> "Canvas":
        """Read `448` (a square) or `640x480`; raise `InputError` for anything else."""
        parts = text.lower().split("x")
        if len(parts) > 2 or not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
            raise InputError(f"canvas {text!r}: give one side or WIDTHxHEIGHT in pixels, such as 448 or 640x480")
        return cls(int(parts[0]), int(parts[-1]))

    @property
    def short_side(self) -> int:
        """The shorter side; sizes and margins are fractions of it."""
        return min(self.width, self.height)

    def place(self, primitive: "Box | Circle | Figure | Region") -> tuple[float, float]:
        """Return where the middle of a primitive lies, as fractions of width and height."""
        x, y = primitive.center
        return x / self.width, y / self.height

    def __str__(self) -> str:
        """Return `WIDTHxHEIGHT`, as `parse` reads it."""
        return f"{self.width}x{self.height}"


@dataclass(frozen=True)
class Box:
    """A rectangular outline; `left`, `top`, `right` and `bottom` are its outermost pixels, all four included."""

    color: str
    left: int
    top: int
    right: int
    bottom: int

    @property
    def center(self) -> tuple[float, float]:
        """The middle of the covered area; pixel k covers [k, k + 1)."""
        return (self.left + self.right + 1) / 2, (self.top + self.bottom + 1) / 2


@dataclass(frozen=True)
class Circle:
    """A filled circle around a pixel corner, with an optional capital letter in its middle."""

    color: str
    x: int
    y: int
    radius: int
    opacity: float = 1.0
    label: str | None = None

    @property
    def center(self) -> tuple[float, float]:
        """The middle, in the same coordinates as a box's."""
        return float(self.x), float(self.y)


@dataclass(frozen=True)
class Figure:
    """A filled figure of a named outline, as wide as high; `left` and `top` are its first pixels, `side` its length."""

    color: str
    shape: str
    left: int
    top: int
    side: int

    @property
    def center(self) -> tuple[float, float]:
        """The middle, in the same coordinates as a box's."""
        return self.left + self.side / 2, self.top + self.side / 2


@dataclass(frozen=True)
class Region:
    """What a photograph shows inside a box, by its name: nothing is drawn of it. Pixels may be parts of one."""

    name: str
    left: float
    top: float
    width: float
    height: float

    @property
    def center(self) -> tuple[float, float]:
        """The middle, in the same coordinates as a box's."""
        return self.left + self.width / 2, self.top + self.height / 2


@dataclass(frozen=True)
class Look:
    """How primitives are drawn: on which ground, in which RGB for a color's name, how thick, in which typeface.

    `colors` holds the names whose RGB is not the palette's. `stroke_px` is the width of a box's outline, 0 for the
    plain one, which goes by the canvas. `face` is one of `faces()`. `casing_px` is the width of a thin black or
    white line around whatever is drawn, which is opaque then.
    """

    ground: Rgb = BACKGROUND
    colors: Mapping[str, Rgb] = field(default_factory=dict)
    stroke_px: int = 0
    face: str = "Pillow"
    casing_px: int = 0

    def rgb(self, name: str) -> Rgb:
        """Return the RGB that a color's name is drawn in."""
        return self.colors.get(name) or COLORS[name]


PLAIN_LOOK = Look()


@dataclass(frozen=True)
class Scene:
    """Primitives on a canvas, in drawing order, and their look; one with figures has a black ground.

    One with regions is that of a photograph, which is `canvas` large.
    """

    canvas: Canvas
    boxes: tuple[Box, ...] = ()
    circles: tuple[Circle, ...] = ()
    figures: tuple[Figure, ...] = ()
    regions: tuple[Region, ...] = ()
    look: Look = PLAIN_LOOK

    @property
    def primitives(self) -> tuple[Box | Circle, ...]:
        """All boxes and circles."""
        return (*self.boxes, *self.circles)

    def to_json(self) -> str:
        """Return the scene as one line of JSON; `from_json` reads it back."""
        fields = {name: value for name, value in vars(self).items() if name not in ("figures", "regions", "look")}
        fields |= {name: each for name in ("figures", "regions") if (each := getattr(self, name))}
        if self.look != PLAIN_LOOK:
            fields["look"] = self.look
        return json.dumps(fields, default=_fields, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Scene":
        """Read what `to_json` wrote."""
        fields = json.loads(text)
        return cls(
            canvas=Canvas(**fields["canvas"]),
            boxes=tuple(Box(**box) for box in fields["boxes"]),
            circles=tuple(Circle(**circle) for circle in fields["circles"]),
            figures=tuple(Figure(**figure) for figure in fields.get("figures", ())),
            regions=tuple(Region(**region) for region in fields.get("regions", ())),
            look=_look(fields["look"]) if "look" in fields else PLAIN_LOOK,
        )


def _fields(each: Any) -> dict[str, Any]:
    """Return the fields of a part of a scene; a casing stands there only where there is one."""
    return {name: value for name, value in vars(each).items() if name != "casing_px" or value}


def _look(fields: Mapping[str, Any]) -> Look:
    colors = {name: (rgb[0], rgb[1], rgb[2]) for name, rgb in fields["colors"].items()}
    red, green, blue = fields["ground"]
    return Look((red, green, blue), colors, fields["stroke_px"], fields["face"], fields.get("casing_px", 0))
