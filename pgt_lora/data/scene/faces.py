"""The typefaces of the letters in circles."""

from functools import cache

from PIL import ImageFont

from pgt_lora.core.errors import InputError

# Pillow carries this typeface itself: the same glyphs on every machine with the same Pillow.
PILLOW = "Pillow"
# Taken where the machine has them.
OTHERS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif")


@cache
def faces() -> tuple[str, ...]:
    """Return the typefaces that can be drawn here: Pillow's own, and DejaVu's where they are installed."""
    return PILLOW, *(name for name in OTHERS if _truetype(name, 12))


@cache
def font(face: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return a typeface in a size in pixels.

    Raises:
        InputError: it is not installed here.
    """
    found = ImageFont.load_default(size) if face == PILLOW else _truetype(face, size)
    if found is None:
        raise InputError(f"typeface {face}: not installed here; install DejaVu's fonts, or draw the scenes anew")
    return found


def _truetype(name: str, size: int) -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.truetype(f"{name}.ttf", size)
    except OSError:
        return None
