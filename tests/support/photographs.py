"""Photographs in every size, form and file that datasets have, cut from those that come with packages."""

import io
from random import Random

from PIL import Image

from pgt_lora.data.scene import Canvas
from pgt_lora.studies.compare.transfer.photographs import ALL, crop

ORIENTATION = 274
MAX_RATIO = 4.0
FILES = ("JPEG", "PNG", "turned", "gray", "CMYK", "alpha")


Size = tuple[int, int]


def draw_file(rng: Random, short: tuple[int, int], kind: str) -> bytes:
    """Return a crop as a file; its short side is drawn log-uniform between two lengths, its ratio from 1:4 to 4:1."""
    side = _between(rng, *short)
    ratio = MAX_RATIO ** rng.uniform(-1, 1)
    return file_of(rng, (round(side * max(1, ratio)), round(side * max(1, 1 / ratio))), kind)


def draw_size(rng: Random, long: tuple[int, int], least: int) -> Size:
    """Return a size with its long side drawn log-uniform, `least` pixels on the short one, and a ratio up to 4:1."""
    side = _between(rng, *long)
    other = max(least, side / MAX_RATIO ** rng.random())
    size = round(side), round(other)
    return size if rng.random() < 0.5 else size[::-1]


def file_of(rng: Random, size: Size, kind: str) -> bytes:
    """Return a crop of a size as a file of a kind."""
    image = Image.fromarray(crop(rng, Canvas(*size), rng.choice(sorted(ALL))))
    file = io.BytesIO()
    if kind == "alpha":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    if kind in ("gray", "CMYK"):
        image = image.convert("L" if kind == "gray" else kind)
    tags = Image.Exif()
    if kind == "turned":
        tags[ORIENTATION] = rng.randint(2, 8)
    image.save(file, "PNG" if kind in ("PNG", "alpha") else "JPEG", exif=tags)
    return file.getvalue()


def _between(rng: Random, least: int, most: int) -> float:
    return float(least * (most / least) ** rng.random())
