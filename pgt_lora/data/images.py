"""Image files as models see them: the one place where one is opened, for training, evaluation and every page.

Pixels are those of `datasets.Image` and of the checkpoints' own processors, but for grays of more than 8 bits, which
they clip; `tests/data/test_images.py` compares them file by file.
"""

import base64
import io
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from pgt_lora.core.errors import InputError

# Nothing else is opened: for some formats, such as EPS, Pillow starts a program.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF")
MAX_PIXELS = 2**28 // 3 * 2  # Pillow's own limit, which other packages lift
ORIENTATION, BITS, PHOTOMETRIC, LOWEST, HIGHEST = 274, 258, 262, 340, 341  # tags of EXIF and TIFF
WHITE_IS_ZERO = 0
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)
# A PNG may say its orientation behind its pixels, in one of these.
MAY_ORIENT = (b"eXIf", b"XML:com.adobe.xmp", b"Raw profile type exif")
# What Pillow raises for files that are cut off, broken or too large.
BROKEN = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, EOFError, MemoryError,
    RuntimeError, struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip

Size = tuple[int, int]  # width and height in pixels
Source = Image.Image | Mapping[str, Any] | Path  # pixels; an encoded file's `bytes`, as in rows; or where one lies


def decode(image: Source, name: str) -> Image.Image:
    """Return an image as RGB pixels: upright, on white where it is transparent, the first frame where there are more.

    Raises:
        InputError: it cannot be read to its end, is too large, or its grays have no known range; it begins with `name`.
    """
    with _naming(name), _opened(image) as opened:
        return _rgb(opened)


def size_px(image: Source, name: str) -> Size:
    """Return the width and height that `decode` would return, from the file's header; pixels may be missing.

    Raises:
        InputError: the header cannot be read, or says that the image is too large; it begins with `name`.
    """
    with _naming(name), _opened(image) as opened:
        if opened.format == "PNG" and opened is not image and _oriented_late(opened):
            return _rgb(opened).size
        width, height = opened.size
        # A PNG's own `getexif` decodes the pixels first. A TIFF file's size is turned already.
        orientation = Image.Image.getexif(opened).get(ORIENTATION)
        turned = orientation in SIDEWAYS and ORIENTATION not in getattr(opened, "tag_v2", ())
        return (height, width) if turned else (width, height)


def page_file(image: Source, name: str) -> bytes:
    """Return a PNG or JPEG file that a browser shows as models see the image: the stored one where that is so.

    Raises:
        InputError: as `decode`.
    """
    with _naming(name), _opened(image) as opened:
        pixels = _rgb(opened)
        shown_otherwise = opened.info.keys() & {"transparency", "icc_profile", "gamma"}
        plain = opened.format in ("PNG", "JPEG") and opened.mode in ("RGB", "L", "P", "1") and not shown_otherwise
        if plain and opened.getexif().get(ORIENTATION, 1) == 1 and getattr(opened, "n_frames", 1) == 1:
            return image.read_bytes() if isinstance(image, Path) else image["bytes"]  # type: ignore[index]
        file = io.BytesIO()
        if opened.format in ("JPEG", "MPO"):  # a photograph would be many times as large in PNG
            pixels.save(file, "JPEG", quality=95, subsampling=0)
        else:
            pixels.save(file, "PNG")
        return file.getvalue()


def plain_file(image: Mapping[str, Any], name: str) -> bytes:
    """Return a file of which anybody's `Image.open(…).convert("RGB")` makes the pixels of `decode`.

    It is the stored one where that is so, and else a PNG file.

    Raises:
        InputError: as `decode`.
    """
    pixels = decode(image, name)
    with _naming(name), _opened(image) as opened:
        if opened.convert("RGB").tobytes() == pixels.tobytes() and opened.size == pixels.size:
            stored: bytes = image["bytes"]
            return stored
    file = io.BytesIO()
    pixels.save(file, "PNG")
    return file.getvalue()


def png(image: Image.Image) -> bytes:
    """Return a drawn image as a PNG file."""
    file = io.BytesIO()
    # Higher levels take longer and save little on what the kit draws.
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def data_url(file: bytes) -> str:
    """Return an image file as a data URL, byte for byte; only its header is read."""
    with _opened({"bytes": file}) as opened:
        kind = Image.MIME[str(opened.format)]
    return f"data:{kind};base64,{base64.b64encode(file).decode('ascii')}"


def check_files(images: Sequence[Path]) -> None:
    """Check that image files can be read; raise `InputError` where one cannot."""
    for path in images:
        if not path.is_file():
            raise InputError(f"{path}: {'a directory, not an image' if path.is_dir() else 'no such file'}")
        decode(path, str(path))


@contextmanager
def _naming(name: str) -> Iterator[None]:
    try:
        yield
    except BROKEN as error:
        reason = f"not readable as {', '.join(FORMATS)}" if isinstance(error, UnidentifiedImageError) else str(error)
        said = " ".join(reason.split()) or type(error).__name__
        raise InputError(f"{name}: its image cannot be read ({said}); replace the image or leave it out") from error


@contextmanager
def _opened(image: Source) -> Iterator[Image.Image]:
    if isinstance(image, Image.Image):
        yield image
        return
    if not isinstance(image, Path) and not image["bytes"]:
        raise ValueError("it holds no bytes")
    with Image.open(image if isinstance(image, Path) else io.BytesIO(image["bytes"]), formats=FORMATS) as opened:
        width, height = opened.size
        if not 0 < width * height <= MAX_PIXELS:
            raise ValueError(f"{width}x{height} pixels; at least 1 and at most {MAX_PIXELS:,} are taken")
        yield opened


def _oriented_late(opened: Any) -> bool:
    """Tell whether an orientation may stand behind a PNG's pixels, where only decoding them finds it."""
    at = opened.fp.tell()
    opened.fp.seek(0)
    data = opened.fp.read()
    opened.fp.seek(at)
    return any(data.rfind(mark) > data.find(b"IDAT") for mark in MAY_ORIENT)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and not image.info and not hasattr(image, "fp"):
        return image
    image.load()
    orientation = image.getexif().get(ORIENTATION)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        pixels = _on_white(_eight_bits(image))
    else:
        pixels = _on_white(image)
    pixels.info = {}  # or its orientation would be applied again
    return pixels.transpose(TURNS[orientation]) if orientation in TURNS else pixels


def _on_white(image: Image.Image) -> Image.Image:
    transparent = image.info.get("transparency")
    if transparent is None and "A" not in image.getbands():
        return image.convert("RGB")
    if isinstance(transparent, tuple) and max(transparent) > 255:  # of 16 bits; Pillow keeps the high byte of pixels
        image.info["transparency"] = tuple(value >> 8 for value in transparent)
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale grays to 8 bits, from the range that the format has or the file states; Pillow's `convert` clips them."""
    tags = getattr(image, "tag_v2", {})
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        low, high = 0, 2 ** np.atleast_1d(tags.get(BITS, 16))[0] - 1
    elif image.mode == "I" and image.format in ("PNG", "PPM"):
        low, high = 0, 65535
    else:
        low, high = (np.atleast_1d(tags.get(tag, np.nan))[0] for tag in (LOWEST, HIGHEST))
    if not low < high or not np.isfinite(values).all():
        raise ValueError(f"the grays of mode {image.mode} have no known range")
    step = 0 if image.mode == "F" else 1  # the high byte of 16 bits, as Pillow takes it from colors
    scaled = np.floor((values.astype(np.float64) - low) * 256 / (high - low + step)).clip(0, 255).astype(np.uint8)
    gray = Image.fromarray(255 - scaled if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO else scaled)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        gray.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    return gray
