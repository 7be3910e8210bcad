"""An oracle that sees an overlaid picture alone, as a person does, and says where it is in doubt.

It looks for what a person takes for drawn: outlines of rectangles and disks of one vivid color, wherever they lie in
the photograph. It knows neither the photograph without them, nor the scene, nor the palette, nor the rules by which
the kit calls a picture certain.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.color import rgb2lab

from tests.support import oracle, overlaid
from tests.support.oracle_shapes import Shape, name_color, read_letter

LOOKED_AT_PX = 256  # of the short side; larger pictures are brought to it
SIDES = (0.05, 0.35)  # of the short side: how long what is drawn could be
EVEN = 8.0  # color difference of neighbors within one surface
NEAR = (22.0, 14.0, 8.0)  # of a pixel from the color of the surface that it belongs to, by three tries
LEAST_CHROMA = 25.0  # of what is vivid
LEAST_AREA = 0.0012  # of a square of the short side: the even pixels of a surface
MOST_COLORS = 24
LEAST_FORM = 0.8  # from 0 to 1: how clearly a surface has a form
MAX_INNER, MIN_RING = 0.3, 0.85  # of an outline: how much of its middle and of itself is of its color
MAX_RATIO = 1.15  # of a disk's sides
AROUND = np.ones((3, 3))


@dataclass(frozen=True)
class Seen:
    """What seems drawn: whether a letter could be in it, and how clear its form is."""

    shape: Shape
    kind: str
    form: float


def answer(picture: Image.Image, question: str) -> str:
    """Return the answer; raise `ValueError` where the picture leaves it open."""
    share = min(1.0, LOOKED_AT_PX / min(picture.size))
    size = round(share * picture.width), round(share * picture.height)
    seen = look(np.asarray(picture.resize(size, Image.Resampling.BOX)))
    for pattern, count in oracle.COUNTERS.items():
        if match := re.fullmatch(pattern, question):
            return str(count([each.shape.color for each in seen if each.kind == "plain disk"], size, *match.groups()))
    shapes = [each.shape for each in seen if each.kind == overlaid.kind_in(question)]
    for pattern, solve in oracle.SOLVERS.items():
        if match := re.fullmatch(pattern, question):
            return str(solve(shapes, size, *match.groups()))
    raise ValueError(f"no pattern for the question {question!r}")


def look(pixels: np.ndarray) -> list[Seen]:
    """Return all that seems drawn; of what lies at one place, that which has the clearest form."""
    lab = rgb2lab(pixels).astype(np.float32)
    least, most = (round(side * min(pixels.shape[:2])) for side in SIDES)
    found: list[Seen] = []
    for color in surfaces(lab):
        far = sum((lab[..., channel] - color[channel]) ** 2 for channel in range(3))
        for near in NEAR:
            labels, _ = ndimage.label(far < near**2, AROUND)
            for number, place in enumerate(ndimage.find_objects(labels), start=1):
                if all(least <= side.stop - side.start <= most for side in place):
                    found += forms(labels[place] == number, pixels[place], place)
    kept: list[Seen] = []
    for each in sorted(found, key=lambda each: -each.form):
        if not any(lie_together(each.shape, other.shape) for other in kept):
            kept.append(each)
    return kept


def surfaces(lab: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the vivid colors of which even surfaces are made, the largest first."""
    here, least = lab[:-1, :-1], LEAST_AREA * min(lab.shape[:2]) ** 2
    steps = (np.linalg.norm(here - other, axis=2) for other in (lab[1:, :-1], lab[:-1, 1:]))
    even = np.logical_and(*(step < EVEN for step in steps)) & (np.hypot(here[..., 1], here[..., 2]) > LEAST_CHROMA)
    left = here[even]
    for _ in range(MOST_COLORS):
        cells, counts = np.unique((left // 10).astype(np.int64) @ (1, 100, 10000), return_counts=True)
        if not len(counts) or counts.max() < least / 2:
            return
        in_cell = (left // 10).astype(np.int64) @ (1, 100, 10000) == cells[counts.argmax()]
        color = np.median(left[in_cell], axis=0)
        near = np.linalg.norm(left - color, axis=1) < NEAR[-1]
        left = left[~near & ~in_cell]
        yield color


def forms(mask: np.ndarray, pixels: np.ndarray, place: tuple[slice, slice]) -> Iterator[Seen]:
    """Yield a surface as an outline or as a disk, if it has that form."""
    rows, columns = place
    try:
        color = name_color(np.median(pixels[mask], axis=0))
    except ValueError:  # gray
        return
    ring = outline(mask)
    at = columns.start, rows.start, columns.stop, rows.stop
    if ring >= LEAST_FORM:
        yield Seen(Shape(color, *at, True, None), "box", ring)
        return
    whole = ndimage.binary_fill_holes(mask)
    height, width = mask.shape
    y, x = np.ogrid[:height, :width]
    round_one = ((x + 0.5) / width - 0.5) ** 2 + ((y + 0.5) / height - 0.5) ** 2 <= 0.25
    form = (whole & round_one).sum() / (whole | round_one).sum()
    if form >= LEAST_FORM and max(height, width) <= MAX_RATIO * min(height, width) + 1:
        kind, _ = overlaid.disk(ndimage.binary_erosion(round_one, AROUND), pixels)
        letter = letter_in(whole, pixels, mask) if "letter" in kind else None
        if letter or "letter" not in kind:  # else a thing with spots
            yield Seen(Shape(color, *at, False, letter), kind, form)


def outline(mask: np.ndarray) -> float:
    """Return how clearly a mask is a rectangle's outline of one width, from 0 to 1."""
    height, width = mask.shape
    best = 0.0
    for thick in range(1, max(2, round(0.4 * min(mask.shape)))):
        inner = mask[thick : height - thick, thick : width - thick]
        if inner.size < 4:
            break
        ring = (mask.sum() - inner.sum()) / (mask.size - inner.size)
        if ring >= MIN_RING and inner.mean() <= MAX_INNER:
            best = max(best, ring - inner.mean() / 2)
    return float(best)


def letter_in(whole: np.ndarray, pixels: np.ndarray, mask: np.ndarray) -> str | None:
    """Return the letter in a disk, if it is one."""
    try:
        return read_letter(pixels.astype(float), ndimage.binary_erosion(whole, AROUND), np.median(pixels[mask], axis=0))
    except ValueError:
        return None


def lie_together(one: Shape, other: Shape) -> bool:
    """Tell whether two shapes share a third of the smaller one's rectangle."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    areas = [(each.right - each.left) * (each.bottom - each.top) for each in (one, other)]
    return width > 0 and height > 0 and width * height > min(areas) / 3
