"""Placing primitives: random positions and sizes, kept apart from each other and from the edge."""

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

from pgt_lora.data.scene import Box, Canvas, Circle

Primitive = TypeVar("Primitive", Box, Circle)

# Fractions of the canvas's short side. A box's center can lie a tenth from the edge whatever the box's size.
BOX_SIDE = (0.08, 0.16)
EDGE_MARGIN = 0.02
GAP = 0.03
MAX_PLACES = 40  # tried for a primitive that is to be clear of others


def draw_px(rng: Random, canvas: Canvas, fractions: tuple[float, float]) -> int:
    """Return a length in pixels, drawn between two fractions of the short side."""
    return round(canvas.short_side * rng.uniform(*fractions))


def box_around(canvas: Canvas, color: str, x: float, y: float, width: int, height: int) -> Box:
    """Return a box of a size in pixels whose center is nearest to a point (fractions of the canvas)."""
    left, top = round(x * canvas.width - width / 2), round(y * canvas.height - height / 2)
    return Box(color, left, top, left + width - 1, top + height - 1)


def place_box(rng: Random, canvas: Canvas, color: str, side: tuple[float, float]) -> Box:
    """Return a box at a random place inside the canvas; its sides are drawn between two fractions of the short side."""
    width, height = draw_px(rng, canvas, side), draw_px(rng, canvas, side)
    edge = margin_px(canvas, EDGE_MARGIN)
    left = rng.randint(edge, canvas.width - edge - width)
    top = rng.randint(edge, canvas.height - edge - height)
    return Box(color, left, top, left + width - 1, top + height - 1)


def place_circle(
    rng: Random, canvas: Canvas, color: str, radius: float, *, opacity: float = 1.0, label: str | None = None
) -> Circle:
    """Return a circle at a random place inside the canvas; `radius` is a fraction of the short side."""
    radius_px = round(radius * canvas.short_side)
    edge = margin_px(canvas, EDGE_MARGIN) + radius_px
    x = rng.randint(edge, canvas.width - edge)
    y = rng.randint(edge, canvas.height - edge)
    return Circle(color, x, y, radius_px, opacity, label)


def fits(place: Callable[[], Primitive], taken: Sequence[Box | Circle], canvas: Canvas) -> list[Primitive]:
    """Return a primitive that is clear of all `taken` ones, in a list; an empty list if none was found."""
    gap = margin_px(canvas, GAP)
    for _ in range(MAX_PLACES):
        placed = place()
        if all(clear(placed, other, gap) for other in taken):
            return [placed]
    return []


def clear(first: Box | Circle, second: Box | Circle, gap_px: int) -> bool:
    """Tell whether two primitives are at least `gap_px` apart (boxes count as filled)."""
    if isinstance(first, Circle) and isinstance(second, Circle):
        reach = first.radius + second.radius + gap_px
        return (first.x - second.x) ** 2 + (first.y - second.y) ** 2 >= reach**2
    a, b = extent(first), extent(second)
    return a[2] + gap_px <= b[0] or b[2] + gap_px <= a[0] or a[3] + gap_px <= b[1] or b[3] + gap_px <= a[1]


def extent(primitive: Box | Circle) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the covered area; right and bottom are exclusive."""
    if isinstance(primitive, Box):
        return primitive.left, primitive.top, primitive.right + 1, primitive.bottom + 1
    x, y, radius = primitive.x, primitive.y, primitive.radius
    return x - radius, y - radius, x + radius, y + radius


def margin_px(canvas: Canvas, fraction: float) -> int:
    """Return a fraction of the short side in whole pixels, at least one."""
    return max(1, round(fraction * canvas.short_side))
