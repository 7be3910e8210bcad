"""Draws a picture: its ground, things, circles and boxes, in shades around their names and letters of several forms."""

from functools import cache
from random import Random

import numpy as np
from PIL import Image, ImageDraw

from pgt_lora.core.streams import stream
from pgt_lora.data.scene.faces import PILLOW, font
from pgt_lora.data.scene.palette import COLORS, Rgb, blend, delta_e, label_color
from pgt_lora.data.scene.render import LABEL_SIZE_PER_RADIUS
from pgt_lora.tiny.grounds import draw_ground
from pgt_lora.tiny.picture import Picture
from pgt_lora.tiny.things import draw_thing

NUM_SHADES = 64
MAX_SHADE = 12.0  # color difference of a shade from its name
# How a letter differs from Pillow's own, if it does: size, width, slant, and half pixels of stroke.
FORMS = (
    None, None, (1.0, 1.0, 0.0, 0), (0.85, 1.0, 0.0, 1), (1.1, 1.15, 0.0, 0), (1.05, 1.2, 0.0, 1),
    (1.1, 0.85, 0.0, 0), (0.9, 1.1, 0.15, 0), (1.0, 1.0, -0.1, 1),
)  # fmt: skip


def paint(picture: Picture) -> np.ndarray:
    """Return a picture as RGB pixels, (height, width, 3)."""
    rng = Random(picture.seed)
    image = Image.fromarray(draw_ground(picture.ground, picture.canvas))
    draw = ImageDraw.Draw(image, "RGBA")
    for thing in picture.things:
        box = thing.box
        width, height = box.right - box.left + 1, box.bottom - box.top + 1
        drawn = draw_thing(thing.name, shade(thing.color, rng, picture), width, height, thing.seed)
        image.paste(drawn, (box.left, box.top), drawn)
    for circle in picture.circles:
        x, y, radius = circle.x, circle.y, circle.radius
        color = shade(circle.color, rng, picture)
        draw.ellipse(
            (x - radius, y - radius, x + radius - 1, y + radius - 1), fill=(*color, round(255 * circle.opacity))
        )
        if circle.label:
            form = rng.choice(FORMS) if picture.seed else None
            ink, size = label_color(blend(color, circle.opacity)), LABEL_SIZE_PER_RADIUS * radius
            if form is None:
                draw.text((x, y), circle.label, fill=ink, font=font(PILLOW, round(size)), anchor="mm")
            else:
                glyph = letter(circle.label, round(size * form[0]), form)
                image.paste(ink, (x - glyph.width // 2, y - glyph.height // 2), glyph)
    for box in picture.boxes:
        edges = (box.left, box.top, box.right, box.bottom)
        draw.rectangle(edges, outline=shade(box.color, rng, picture), width=picture.stroke)
    return np.asarray(image)


def shade(name: str, rng: Random, picture: Picture) -> Rgb:
    """Return a color of that name; exactly the palette's where the picture is drawn as PGT's are."""
    return rng.choice(shades(name)) if picture.seed else COLORS[name]


@cache
def shades(name: str) -> list[Rgb]:
    """Return colors around a name that are nearer to it than to any other."""
    rng = stream(0, "tiny-shades", name)
    found: list[Rgb] = []
    while len(found) < NUM_SHADES:
        r, g, b = (min(255, max(0, c + rng.randint(-28, 28))) for c in COLORS[name])
        far = {other: delta_e((r, g, b), color) for other, color in COLORS.items()}
        if far[name] <= MAX_SHADE and far[name] + 8 < min(d for other, d in far.items() if other != name):
            found.append((r, g, b))
    return found


@cache
def letter(text: str, size: int, form: tuple[float, float, float, int]) -> Image.Image:
    """Return the mask of a letter of a font size in pixels, in another form than the typeface's own."""
    _, wide, slant, stroke = form
    large = 4
    side = 2 * size * large
    middle = side / 2
    mask = Image.new("L", (side, side))
    ImageDraw.Draw(mask).text(
        (middle, middle), text, fill=255, font=font(PILLOW, size * large), anchor="mm", stroke_width=2 * stroke
    )
    turned = (1 / wide, slant, middle - middle / wide - slant * middle, 0, 1, 0)
    mask = mask.transform((side, side), Image.Transform.AFFINE, turned, Image.Resampling.BILINEAR)
    return mask.reduce(large)
