"""An oracle for overlays: it sees a photograph, the same one with primitives, and a question.

What differs is what is drawn. It is told apart by its form: outlines, disks with a letter in them and disks without.
Those that a question speaks of are put on gray and given to `oracle.answer`. After JPEG, what differs by little is
none of it, and gaps of a pixel or two are closed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from tests.support import oracle
from tests.support.oracle_shapes import encloses

GRAY = 128
AROUND = np.ones((3, 3))
JPEG_NOISE = 32  # of a channel: quality 95 without subsampled colors changes a pixel by less, wherever it lies
LEAST_SIDE = 0.03  # of the short side: after JPEG, what is smaller is noise
MAX_ROUND = 0.94  # of the rectangle around it, that a disk fills
MAX_INNER = 0.1  # of the inner half of a rectangle, that an outline with a gap in it fills
MIN_INK, MIN_INK_PX = 0.5, 3  # part of the way to black or white in every channel, and in how many pixels


@dataclass(frozen=True)
class Patch:
    """A primitive: its kind, its place in the picture, and there which pixels are its own and how they look."""

    kind: str
    place: tuple[slice, slice]
    whole: np.ndarray
    shown: np.ndarray


def answer(photograph: Image.Image, picture: Image.Image, question: str, noise: int = 0) -> str:
    """Return the answer to a PGT question about the picture, whose pixels JPEG has changed by up to `noise`."""
    return answer_about(patches(photograph, picture, noise), picture.size, question)


def answer_about(found: Sequence[Patch], size: tuple[int, int], question: str) -> str:
    """Return the answer to a question, given all that was drawn."""
    on_gray = np.full((size[1], size[0], 3), GRAY, np.uint8)
    for patch in found:
        if patch.kind == kind_in(question):
            on_gray[patch.place] = np.where(patch.whole[..., None], patch.shown, on_gray[patch.place])
    return oracle.answer(Image.fromarray(on_gray), question)


def patches(photograph: Image.Image, picture: Image.Image, noise: int = 0) -> list[Patch]:
    """Return what is drawn in the picture."""
    under, pixels = np.asarray(photograph), np.asarray(picture)
    changed = np.maximum(under, pixels) - np.minimum(under, pixels)
    red, green, blue = (changed[..., channel] > noise for channel in range(3))
    drawn = without_casing(red | green | blue, pixels, noise)
    if noise:
        drawn = ndimage.binary_closing(drawn, AROUND)
    labels, _ = ndimage.label(drawn, AROUND)
    places = ndimage.find_objects(labels)
    if noise:
        least = LEAST_SIDE * min(drawn.shape)
        places = [place for place in places if all(side.stop - side.start >= least for side in place)]
    found = []
    for place in places:
        if any(encloses(other, place) for other in places):
            continue  # such as a part of a letter whose ink is the photograph's color
        whole = filled(labels[place])
        if whole.mean() > MAX_ROUND:
            thin = whole & ~ndimage.binary_erosion(whole, AROUND)  # however small its middle is
            kind, shown = "box", np.where(thin[..., None], pixels[place], GRAY)
        else:
            kind, shown = disk(whole, pixels[place])
        found.append(Patch(kind, place, whole, shown))
    return found


def filled(labels: np.ndarray) -> np.ndarray:
    """Return what the largest patch of a rectangle holds, with all that it encloses."""
    patch = labels == np.bincount(labels[labels > 0]).argmax()
    height, width = patch.shape
    inner = patch[height // 4 : height - height // 4, width // 4 : width - width // 4]
    if inner.size and inner.mean() < MAX_INNER:
        return np.ones_like(patch)
    whole: np.ndarray = ndimage.binary_fill_holes(patch)
    return whole


def kind_in(question: str) -> str:
    """Return which kind of primitive a question speaks of."""
    if " box" in question:
        return "box"
    return "plain disk" if "How many" in question else "lettered disk"


def disk(whole: np.ndarray, patch: np.ndarray) -> tuple[str, np.ndarray]:
    """Tell whether a disk has a letter; one that has none is given the one color that is its median."""
    fill = np.median(patch[whole], axis=0)
    change = patch[whole] - fill
    to_black, to_white = -change / np.maximum(fill, 1), change / np.maximum(255 - fill, 1)
    # Ink moves all channels alike; a photograph under a disk moves them by less than half of their way.
    ink = np.maximum(to_black.min(axis=1), to_white.min(axis=1)) > MIN_INK
    if ink.sum() >= MIN_INK_PX:
        return "lettered disk", patch
    return "plain disk", np.broadcast_to(fill.astype(np.uint8), patch.shape)


def without_casing(is_drawn: np.ndarray, pixels: np.ndarray, noise: int = 0) -> np.ndarray:
    """Return what is drawn but for the black or white that lies along its border."""
    pure, values = np.zeros_like(is_drawn), pixels[is_drawn]
    pure[is_drawn] = (values.max(axis=1) <= 2 * noise) | (values.min(axis=1) >= 255 - 2 * noise)
    labels, _ = ndimage.label(pure, AROUND)
    outside = ndimage.binary_dilation(~is_drawn, AROUND) & pure
    return is_drawn & ~np.isin(labels, np.unique(labels[outside]))
