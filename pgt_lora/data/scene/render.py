"""Drawing a scene with Pillow."""

from functools import cache
from math import cos, pi, sin

from PIL import Image, ImageDraw, ImageFont

from pgt_lora.data.scene.palette import BACKGROUND, BLACK, COLORS, FIGURE_COLORS, blend, label_color
from pgt_lora.data.scene.primitives import Box, Canvas, Circle, Scene

# A capital's height is about 0.7 of the font size, so a letter is about as tall as its circle's radius.
LABEL_SIZE_PER_RADIUS = 1.4

# The corners of the figures that have corners. What they touch of their square is stretched to fill it.
_STAR = [((1, 0.45)[i % 2] * sin(pi * i / 5), -(1, 0.45)[i % 2] * cos(pi * i / 5)) for i in range(10)]
OUTLINES: dict[str, list[tuple[float, float]]] = {
    "square": [(0, 0), (1, 0), (1, 1), (0, 1)],
    "triangle": [(1, 0), (2, 2), (0, 2)],
    "plus": [(1, 0), (2, 0), (2, 1), (3, 1), (3, 2), (2, 2), (2, 3), (1, 3), (1, 2), (0, 2), (0, 1), (1, 1)],
    "star": _STAR,
}
# Figures may be small; edges that are drawn this many times larger and averaged keep their form.
OVERSAMPLING = 16


def outline_width(canvas: Canvas) -> int:
    """Return the width in pixels of a box's outline."""
    return max(2, round(0.018 * canvas.short_side))


def render(scene: Scene, background: Image.Image | None = None) -> Image.Image:
    """Draw `scene` over `background` (an RGB image of the canvas's size), or over plain grey (black for figures)."""
    size, ground = (scene.canvas.width, scene.canvas.height), BLACK if scene.figures else BACKGROUND
    image = Image.new("RGB", size, ground) if background is None else background.copy()
    draw = ImageDraw.Draw(image, "RGBA")  # on an RGB image, this mode blends what is drawn
    for circle in scene.circles:
        _draw_circle(draw, circle)
    for box in scene.boxes:
        _draw_box(draw, box, outline_width(scene.canvas))
    for figure in scene.figures:
        image.paste(FIGURE_COLORS[figure.color], (figure.left, figure.top), _stencil(figure.shape, figure.side))
    return image


def _draw_box(draw: ImageDraw.ImageDraw, box: Box, width: int) -> None:
    draw.rectangle((box.left, box.top, box.right, box.bottom), outline=COLORS[box.color], width=width)


def _draw_circle(draw: ImageDraw.ImageDraw, circle: Circle) -> None:
    x, y, radius = circle.x, circle.y, circle.radius
    fill = (*COLORS[circle.color], round(255 * circle.opacity))
    draw.ellipse((x - radius, y - radius, x + radius - 1, y + radius - 1), fill=fill)
    if circle.label:
        ink = label_color(blend(COLORS[circle.color], circle.opacity))
        draw.text((x, y), circle.label, fill=ink, font=_font(round(LABEL_SIZE_PER_RADIUS * radius)), anchor="mm")


@cache
def _stencil(shape: str, side: int) -> Image.Image:
    large = OVERSAMPLING * side
    stencil = Image.new("L", (large, large))
    draw = ImageDraw.Draw(stencil)
    if shape == "circle":
        draw.ellipse((0, 0, large - 1, large - 1), fill=255)
    else:
        lows, highs = zip(*((min(each), max(each)) for each in zip(*OUTLINES[shape], strict=True)), strict=True)
        corners = [
            tuple((large - 1) * (v - low) / (high - low) for v, low, high in zip(corner, lows, highs, strict=True))
            for corner in OUTLINES[shape]
        ]
        draw.polygon(corners, fill=255)
    return stencil.resize((side, side), Image.Resampling.BOX)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    # Pillow carries this typeface itself: the same glyphs on every machine with the same Pillow.
    return ImageFont.load_default(size)
