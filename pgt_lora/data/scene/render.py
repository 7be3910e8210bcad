"""Drawing a scene with Pillow."""

from functools import cache
from math import cos, pi, sin

from PIL import Image, ImageDraw

from pgt_lora.data.scene.faces import font
from pgt_lora.data.scene.palette import BLACK, FIGURE_COLORS, blend, label_color
from pgt_lora.data.scene.primitives import Box, Canvas, Circle, Look, Scene

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
    """Return the width in pixels of a box's outline in the plain look."""
    return max(2, round(0.018 * canvas.short_side))


def casing_width(canvas: Canvas) -> int:
    """Return the width in pixels of a casing, where one is drawn."""
    return max(1, outline_width(canvas) // 3)


def render(scene: Scene, background: Image.Image | None = None) -> Image.Image:
    """Draw `scene` over `background` (an RGB image of the canvas's size), or over its ground (black for figures)."""
    look, size = scene.look, (scene.canvas.width, scene.canvas.height)
    ground = BLACK if scene.figures else look.ground
    image = Image.new("RGB", size, ground) if background is None else background.copy()
    draw = ImageDraw.Draw(image, "RGBA")  # on an RGB image, this mode blends what is drawn
    for circle in scene.circles:
        _draw_circle(draw, circle, look)
    for box in scene.boxes:
        _draw_box(draw, box, look, look.stroke_px or outline_width(scene.canvas))
    for figure in scene.figures:
        image.paste(FIGURE_COLORS[figure.color], (figure.left, figure.top), _stencil(figure.shape, figure.side))
    return image


def _draw_box(draw: ImageDraw.ImageDraw, box: Box, look: Look, width: int) -> None:
    if casing := look.casing_px:
        x, y = box.left - casing, box.top - casing
        inner = min(box.right - box.left, box.bottom - box.top) + 1 - 2 * width
        # A middle that is hardly open is not closed by its casing.
        around = width + (2 if inner >= 4 * casing else 1) * casing
        corners = x, y, box.right + casing, box.bottom + casing
        draw.rectangle(corners, outline=label_color(look.rgb(box.color)), width=around)
    draw.rectangle((box.left, box.top, box.right, box.bottom), outline=look.rgb(box.color), width=width)


def _draw_circle(draw: ImageDraw.ImageDraw, circle: Circle, look: Look) -> None:
    x, y, radius, rgb = circle.x, circle.y, circle.radius, look.rgb(circle.color)
    if look.casing_px:
        around = radius + look.casing_px
        draw.ellipse((x - around, y - around, x + around - 1, y + around - 1), fill=label_color(rgb))
    draw.ellipse((x - radius, y - radius, x + radius - 1, y + radius - 1), fill=(*rgb, round(255 * circle.opacity)))
    if circle.label:
        ink = label_color(blend(rgb, circle.opacity, look.ground))
        draw.text(
            (x, y), circle.label, fill=ink, font=font(look.face, round(LABEL_SIZE_PER_RADIUS * radius)), anchor="mm"
        )


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
