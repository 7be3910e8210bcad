"""What lies in an image, told from its pixels alone: part of the oracle."""

import colorsys
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from pgt_lora.data.scene.faces import faces, font
from tests.support.oracle_forms import overlap

# Where the names of hues end, in degrees; red goes on from the last one. What is light between blue and red is pink.
HUES = {"red": 15, "orange": 43, "yellow": 80, "green": 160, "cyan": 205, "blue": 267, "purple": 345}
PINK = {"purple": 0.58, "red": 0.7}  # the least lightness
CAPITAL_HEIGHT = 0.7  # of the font size
MAX_HOLLOW = 0.85  # of the area within an outline is drawn
LEAST_WIDTH = 0.03  # of the short side: what is narrower is no circle but where two of them overlap


@dataclass(frozen=True)
class Shape:
    """A connected patch that is not background; `right` and `bottom` are exclusive."""

    color: str
    left: int
    top: int
    right: int
    bottom: int
    hollow: bool
    letter: str | None

    @property
    def center(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


def find_shapes(pixels: np.ndarray) -> list[Shape]:
    """Return the connected shapes of an image (height, width, 3) of bytes."""
    labels, _ = ndimage.label(codes(pixels) != codes(ground(pixels)), structure=np.ones((3, 3)))
    places, found = ndimage.find_objects(labels), []
    for number, (rows, columns) in enumerate(places, start=1):
        if any(encloses(other, (rows, columns)) for other in places):
            continue  # such as what the A of a disk encloses
        mask, patch = labels[rows, columns] == number, pixels[rows, columns].astype(float)
        fill, whole = np.median(patch[mask], axis=0), ndimage.binary_fill_holes(mask)
        # A large letter of the ground's color leaves as little of a disk, which has no corners.
        hollow = mask.sum() < MAX_HOLLOW * whole.sum() and bool(mask[[0, 0, -1, -1], [0, -1, 0, -1]].all())
        place = columns.start, rows.start, columns.stop, rows.stop
        found.append(Shape(name_color(fill), *place, hollow, None if hollow else read_letter(patch, whole, fill)))
    return found


def encloses(outer: tuple[slice, slice], inner: tuple[slice, slice]) -> bool:
    """Tell whether one rectangle lies in another and touches no side of it."""
    return all(a.start < b.start and b.stop < a.stop for a, b in zip(outer, inner, strict=True))


def find_disks(pixels: np.ndarray) -> list[str]:
    """Return the color of every disk; disks may overlap a little."""
    found, coded = [], codes(pixels)
    patches, _ = ndimage.label(coded != codes(ground(pixels)), structure=np.ones((3, 3)))
    for number, place in enumerate(ndimage.find_objects(patches), start=1):
        inside = np.where(patches[place] == number, coded[place], -1)
        for code in np.unique(inside[inside >= 0]):
            labels, _ = ndimage.label(inside == code)
            for patch, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
                mask = labels[rows, columns] == patch
                height, width = mask.shape
                wide = min(mask.shape) >= LEAST_WIDTH * min(pixels.shape[:2])
                if wide and mask.mean() > 0.6 and mask[height // 2, width // 2]:
                    found.append(name_color(np.array([code >> 16, code >> 8 & 255, code & 255])))
    return found


def codes(pixels: np.ndarray) -> np.ndarray:
    """Return colors of bytes, (..., 3), as one number each."""
    red, green, blue = (pixels[..., channel].astype(np.int32) for channel in range(3))
    return red << 16 | green << 8 | blue


def ground(pixels: np.ndarray) -> np.ndarray:
    """Return the color of the corner: nothing is drawn at the edge."""
    return pixels[0, 0]


def name_color(rgb: np.ndarray) -> str:
    """Return how people call a hue."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*(np.asarray(rgb) / 255))
    if saturation < 0.12:
        raise ValueError(f"{rgb} is gray")
    name = next((name for name, end in HUES.items() if 360 * hue < end), "red")
    return "pink" if lightness > PINK.get(name, 1) else name


def read_letter(patch: np.ndarray, mask: np.ndarray, fill: np.ndarray) -> str | None:
    """Return the letter on a filled shape, or None where there is no ink."""
    ink = np.where(mask, np.linalg.norm(patch - fill, axis=2), 0.0)
    if ink.max() == 0:
        return None
    likeness = {letter: resemble(cut_out(ink / ink.max()), letter) for letter in "ABCD"}
    *_, second, best = sorted(likeness, key=likeness.__getitem__)
    if likeness[best] < 0.55 or likeness[best] < likeness[second] + 0.1:
        raise ValueError(f"an unreadable letter: {likeness}")
    return best


def resemble(seen: np.ndarray, letter: str) -> float:
    """Return how much ink is like the letter in a typeface, in a font size that has this height, give or take one."""
    size = round(len(seen) / CAPITAL_HEIGHT)
    sizes = (size - 1, size, size + 1)
    return max(overlap(seen, glyph(letter, face, near, seen.shape)) for face in faces() for near in sizes)


@cache
def glyph(letter: str, face: str, size: int, shape: tuple[int, int]) -> np.ndarray:
    """Return a letter of a typeface, ink from 0 to 1, brought to a height and width."""
    image = Image.new("L", (2 * size, 2 * size))
    ImageDraw.Draw(image).text((size // 2, size // 2), letter, fill=255, font=font(face, size))
    ink = Image.fromarray(cut_out(np.asarray(image) / 255).astype(np.float32))
    return np.asarray(ink.resize((shape[1], shape[0]), Image.Resampling.BOX))


def cut_out(ink: np.ndarray) -> np.ndarray:
    """Cut the ink (0 to 1) out of its surroundings."""
    rows, columns = np.nonzero(ink > 0.5)
    return ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
