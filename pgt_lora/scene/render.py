"""Drawing a scene with Pillow."""

from functools import cache

from PIL import Image, ImageDraw, ImageFont

from pgt_lora.scene.palette import BACKGROUND, COLORS, blend, label_color
from pgt_lora.scene.primitives import Box, Canvas, Circle, Scene

# A capital's height is about 0.7 of the font size, so a letter is about as tall as its circle's radius.
LABEL_SIZE_PER_RADIUS = 1.4


def outline_width(canvas: Canvas) -> int:
    """Return the width in pixels of a box's outline."""
    return max(2, round(0.018 * canvas.short_side))


def render(scene: Scene, background: Image.Image | None = None) -> Image.Image:
    """Draw `scene` over `background` (an RGB image of the canvas's size), or over plain grey."""
    canvas = scene.canvas
    image = Image.new("RGB", (canvas.width, canvas.height), BACKGROUND) if background is None else background.copy()
    draw = ImageDraw.Draw(image, "RGBA")  # on an RGB image, this mode blends what is drawn
    for circle in scene.circles:
        _draw_circle(draw, circle)
    for box in scene.boxes:
        _draw_box(draw, box, outline_width(canvas))
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
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    # Pillow carries this typeface itself: the same glyphs on every machine with the same Pillow.
    return ImageFont.load_default(size)
