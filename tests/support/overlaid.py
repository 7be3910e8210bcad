"""An oracle for overlays: it sees a photograph, the same one with primitives, and a question.

What differs is what is drawn. It is told apart by its form: outlines, disks with a letter in them and disks without.
Those that a question speaks of are put on grey and given to `oracle.answer`.
"""

import numpy as np
from PIL import Image
from scipy import ndimage

from tests.support import oracle
from tests.support.oracle_shapes import encloses

GREY = 128
AROUND = np.ones((3, 3))
MAX_ROUND = 0.94  # of the rectangle around it, that a disk fills
MIN_INK, MIN_INK_PX = 0.5, 3  # part of the way to black or white in every channel, and in how many pixels


def answer(photograph: Image.Image, picture: Image.Image, question: str) -> str:
    """Return the answer to a PGT question about the picture."""
    under, pixels = np.asarray(photograph), np.asarray(picture)
    on_grey = np.full_like(pixels, GREY)
    labels, _ = ndimage.label(without_casing((under != pixels).any(axis=2), pixels), AROUND)
    places = ndimage.find_objects(labels)
    for patch, place in enumerate(places, start=1):
        if any(encloses(other, place) for other in places):
            continue  # such as a part of a letter whose ink is the photograph's color
        whole = ndimage.binary_fill_holes(labels[place] == patch)
        if whole.mean() > MAX_ROUND:
            thin = whole & ~ndimage.binary_erosion(whole, AROUND)  # however small its middle is
            kind, shown = "box", np.where(thin[..., None], pixels[place], GREY)
        else:
            kind, shown = disk(whole, pixels[place])
        if kind == kind_in(question):
            on_grey[place] = np.where(whole[..., None], shown, on_grey[place])
    return oracle.answer(Image.fromarray(on_grey), question)


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


def without_casing(is_drawn: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return what is drawn but for the pure black or white that lies along its border."""
    pure = is_drawn & np.isin(pixels.sum(axis=2, dtype=int), (0, 3 * 255))
    labels, _ = ndimage.label(pure, AROUND)
    outside = ndimage.binary_dilation(~is_drawn, AROUND) & pure
    return is_drawn & ~np.isin(labels, np.unique(labels[outside]))
