"""Image files of every mode, format and fault, made here, by what the kit does with them.

`SAME` decode as `datasets.Image` and the processors have them. `DIFFERENT` mean other pixels here, which stand beside
them: grays of more than 8 bits, which the others clip. `REFUSED` are named by row.
"""

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

WIDTH, HEIGHT = 24, 16
ORIENTATION = 274
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'


def picture(mode: str = "RGB", shift: int = 0) -> Image.Image:
    """A picture that no turn or mirror leaves as it is, in part transparent where the mode can be."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    pixels = np.stack([x * 10 + shift, y * 15, (x * y * 3) % 256, 255 * (x > 4) - (y > 9) * 100 * (x > 4)], axis=-1)
    image = Image.fromarray(pixels.astype(np.uint8), "RGBA")
    if mode in ("LA", "RGBA", "PA"):
        return image.convert("LA") if mode == "LA" else image
    rgb = image.convert("RGB")
    return Image.fromarray(np.asarray(rgb), "LAB") if mode == "LAB" else rgb.convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    return tags


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(values: np.ndarray, color: int, between: bytes = b"", behind: bytes = b"", size: Any = None) -> bytes:
    """A PNG file of 16 bits, written by hand: Pillow writes none in color."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", *(size or (width, height)), 16, color, 0, 0, 0)
    parts = chunk(b"IHDR", header) + between + chunk(b"IDAT", zlib.compress(rows)) + behind + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def behind_pixels(file: bytes, *chunks: bytes) -> bytes:
    return file[:-12] + b"".join(chunks) + file[-12:]


def tiff_of_12_bits() -> bytes:
    """A TIFF file of GRAY's high 12 bits, two pixels in three bytes."""
    first, second = (GRAY.reshape(-1, 2) >> 4).T
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], -1).astype(np.uint8).tobytes()
    tags = {256: WIDTH, 257: HEIGHT, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: HEIGHT, 279: len(packed)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    header = struct.pack("<2sHI", b"II", 42, 8 + len(packed))
    return header + packed + struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)


def gray_rgb(gray: Any) -> np.ndarray:
    return np.repeat(np.asarray(gray, np.uint8)[..., None], 3, axis=-1)


GRAY = (np.arange(WIDTH * HEIGHT).reshape(HEIGHT, WIDTH) * 170).astype(np.uint16)  # 0 to 65110
COLOR = np.stack([GRAY, GRAY[::-1], GRAY[:, ::-1]], axis=-1)
FLOATS = GRAY.astype(np.float32) / 65536 * 5 - 2
KEY = tuple(int(value) for value in COLOR[3, 3])
HIGH = GRAY >> 8


def same() -> dict[str, bytes]:
    made = {
        f"{kind}-{mode}": encoded(picture(mode), kind)
        for kind, modes in {
            "PNG": ("1", "L", "LA", "P", "RGB", "RGBA"),
            "JPEG": ("L", "RGB", "CMYK"),
            "WEBP": ("L", "RGB", "RGBA"),
            "GIF": ("1", "L", "P", "RGB", "RGBA"),
            "BMP": ("1", "L", "P", "RGB", "RGBA"),
            "TIFF": ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB"),
            "PPM": ("1", "L", "RGB"),
            "JPEG2000": ("L", "LA", "RGB", "RGBA"),
            "AVIF": ("RGB", "RGBA"),
        }.items()
        for mode in modes
    }
    made |= {f"JPEG-turn-{turn}": encoded(picture(), "JPEG", exif=exif(turn)) for turn in range(10)}
    made |= {f"PNG-turn-{turn}": encoded(picture(), "PNG", exif=exif(turn)) for turn in (2, 3, 5, 6, 8)}
    made |= {f"WEBP-turn-{turn}": encoded(picture(), "WEBP", exif=exif(turn)) for turn in (4, 6)}
    made |= {f"AVIF-turn-{turn}": encoded(picture(), "AVIF", exif=exif(turn)) for turn in (3, 6)}
    made |= {f"TIFF-turn-{turn}": encoded(picture(), "TIFF", tiffinfo={ORIENTATION: turn}) for turn in range(1, 9)}
    made |= {
        f"TIFF-{compression}": encoded(picture(), "TIFF", compression=compression, tiffinfo={ORIENTATION: 6})
        for compression in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")
    }
    text, profile, plain = PngImagePlugin.PngInfo(), PngImagePlugin.PngInfo(), encoded(picture(), "PNG")
    text.add_itxt("XML:com.adobe.xmp", XMP.decode())
    profile.add_text(
        "Raw profile type exif", f"\nexif\n{len(exif(8).tobytes()):8}\n{exif(8).tobytes().hex()}\n", zip=True
    )
    comment = chunk(b"tEXt", b"date:create\0today")

    def frames(mode: str = "RGB") -> list[Image.Image]:
        return [picture(mode, shift) for shift in (30, 60)]

    black = Image.new("RGBA", (WIDTH, HEIGHT))
    black.putalpha(picture("RGBA").getchannel("A"))
    return made | {
        "PNG-turn-by-XMP": encoded(picture(), "PNG", pnginfo=text),
        "PNG-turn-by-profile": encoded(picture(), "PNG", pnginfo=profile),
        "PNG-turn-behind-pixels": behind_pixels(plain, comment, chunk(b"eXIf", exif(6).tobytes()[6:])),
        "PNG-comment-behind-pixels": behind_pixels(plain, comment),
        "JPEG-turn-by-XMP": encoded(picture(), "JPEG", xmp=XMP),
        "PNG-turn-RGBA": encoded(picture("RGBA"), "PNG", exif=exif(6)),
        "PNG-turn-P": encoded(picture("P"), "PNG", exif=exif(7), transparency=3),
        "PNG-P-clear-index": encoded(picture("P"), "PNG", transparency=3),
        "PNG-P-clear-bytes": encoded(picture("P"), "PNG", transparency=bytes(range(0, 256, 2))),
        "PNG-L-clear": encoded(picture("L"), "PNG", transparency=int(np.asarray(picture("L"))[4, 4])),
        "PNG-RGB-clear": encoded(picture(), "PNG", transparency=picture().getpixel((4, 4))),
        "PNG-1-clear": encoded(picture("1"), "PNG", transparency=0),
        "PNG-black-on-nothing": encoded(black, "PNG"),
        "PNG-16-bit-color": png(COLOR, 2),
        "PNG-16-bit-clear-color": png(np.concatenate([COLOR, GRAY[..., None]], -1), 6),
        "PNG-16-bit-gray-and-alpha": png(COLOR[..., :2], 4),
        "JPEG-progressive": encoded(picture(), "JPEG", progressive=True, subsampling=0),
        "JPEG-comment": encoded(picture(), "JPEG", comment=b"hello", icc_profile=b"no profile"),
        "MPO": encoded(picture(), "MPO", save_all=True, append_images=frames()),
        "MPO-turn": encoded(picture(), "MPO", save_all=True, append_images=frames(), exif=exif(6)),
        "PNG-animated": encoded(picture(), "PNG", save_all=True, append_images=frames(), duration=50),
        "PNG-animated-still": encoded(picture(), "PNG", save_all=True, append_images=frames(), default_image=True),
        "GIF-animated": encoded(picture(), "GIF", save_all=True, append_images=frames(), duration=50),
        "GIF-animated-clear": encoded(picture("RGBA"), "GIF", save_all=True, append_images=frames("RGBA"), disposal=2),
        "WEBP-animated": encoded(picture("RGBA"), "WEBP", save_all=True, append_images=frames("RGBA"), lossless=True),
        "WEBP-turn-RGBA": encoded(picture("RGBA"), "WEBP", lossless=True, exif=exif(5)),
        "TIFF-pages": encoded(picture(), "TIFF", save_all=True, append_images=frames()),
        "PNG-one-pixel": encoded(Image.new("RGB", (1, 1), "red"), "PNG"),
        "PNG-line": encoded(Image.new("RGB", (300, 1), "red"), "PNG", exif=exif(6)),
    }  # fmt: skip


def different() -> dict[str, tuple[bytes, np.ndarray]]:
    gray = Image.fromarray(GRAY)
    big_endian = Image.frombytes("I;16B", (WIDTH, HEIGHT), GRAY.astype(">u2").tobytes())
    whole, floats = Image.fromarray(GRAY.astype(np.int32) - 1000), Image.fromarray(FLOATS)
    ten_bits = b"P5 %d %d 1023\n" % (WIDTH, HEIGHT) + (GRAY >> 6).astype(">u2").tobytes()
    bytes_of_color = COLOR >> 8
    clear = np.where(np.equal(GRAY, KEY[0]), 255, HIGH)
    white = np.where(np.equal(bytes_of_color, bytes_of_color[3, 3]).all(-1)[..., None], 255, bytes_of_color)
    return {
        "PNG-16-bit": (encoded(gray, "PNG"), gray_rgb(HIGH)),
        "PNG-16-bit-turn": (encoded(gray, "PNG", exif=exif(6)), gray_rgb(np.rot90(HIGH, -1))),
        "PNG-16-bit-clear": (png(GRAY, 0, chunk(b"tRNS", struct.pack(">H", KEY[0]))), gray_rgb(clear)),
        "PNG-16-bit-color-clear": (png(COLOR, 2, chunk(b"tRNS", struct.pack(">HHH", *KEY))), white),
        "TIFF-16-bit": (encoded(gray, "TIFF"), gray_rgb(HIGH)),
        "TIFF-16-bit-lzw": (encoded(gray, "TIFF", compression="tiff_lzw"), gray_rgb(HIGH)),
        "TIFF-16-bit-big-endian": (encoded(big_endian, "TIFF"), gray_rgb(HIGH)),
        "TIFF-16-bit-white-is-zero": (encoded(gray, "TIFF", tiffinfo={262: 0}), gray_rgb(255 - HIGH)),
        "TIFF-12-bit": (tiff_of_12_bits(), gray_rgb(HIGH)),
        "TIFF-16-bit-turn": (encoded(gray, "TIFF", tiffinfo={ORIENTATION: 8}), gray_rgb(np.rot90(HIGH))),
        "TIFF-32-bit-range": (encoded(whole, "TIFF", tiffinfo={340: -1000, 341: 64535}), gray_rgb(HIGH)),
        "TIFF-float-range": (encoded(floats, "TIFF", tiffinfo={340: -2.0, 341: 3.0}), gray_rgb(HIGH)),
        "PPM-16-bit": (encoded(gray, "PPM"), gray_rgb(HIGH)),
        "PPM-10-bit": (ten_bits, gray_rgb((GRAY >> 6) * 65535.0 / 1023 // 256)),
        "JPEG2000-16-bit": (encoded(gray, "JPEG2000"), gray_rgb(HIGH)),
    }


def refused() -> dict[str, bytes]:
    text = chunk(b"zTXt", b"note\0\0" + zlib.compress(b"a" * 2_000_000))
    cut = {
        f"{kind}-cut": encoded(picture().resize((100, 80)), kind)
        for kind in ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM", "AVIF")
    }
    whole, holes = Image.fromarray(GRAY.astype(np.int32)), np.where(GRAY == 170, np.nan, FLOATS)
    return {name: file[: len(file) * 2 // 3] for name, file in cut.items()} | {
        "GIF-cut": encoded(picture(), "GIF")[:-60],
        "PNG-header-alone": encoded(picture(), "PNG")[:33],
        "nothing": b"",
        "zeros": bytes(100_000),
        "text": b"<html>not here</html>",
        "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>',
        "EPS": encoded(picture(), "EPS"),
        "PDF": encoded(picture(), "PDF"),
        "ICO": encoded(picture(), "ICO"),
        "TGA": encoded(picture(), "TGA"),
        "PNG-text": png(COLOR, 2, text),
        "PNG-text-behind-pixels": png(COLOR, 2, b"", text),
        "PNG-too-large": png(COLOR, 2, size=(15000, 12500)),
        "PNG-very-much-too-large": png(COLOR, 2, size=(2**31 - 1, 2**31 - 1)),
        "PNG-no-width": png(COLOR, 2, size=(0, 16)),
        "PNG-no-height": png(COLOR, 2, size=(24, 0)),
        "PNG-wrong-checksum": png(COLOR, 2).replace(b"IDAT", b"IDAU"),
        "TIFF-32-bit": encoded(whole, "TIFF"),
        "TIFF-float": encoded(Image.fromarray(FLOATS), "TIFF"),
        "TIFF-float-holes": encoded(Image.fromarray(holes.astype(np.float32)), "TIFF", tiffinfo={340: -2.0, 341: 3.0}),
        "PPM-float": encoded(Image.fromarray(FLOATS), "PPM"),
    }  # fmt: skip


SAME, DIFFERENT, REFUSED = same(), different(), refused()
