"""Compact patches of a picture's parts: connected pixels of one kind, about as wide as high, and full but for holes."""

from collections.abc import Iterator

import numpy as np

LONGEST = 3.2  # a patch's longer side, of its shorter one
FULL = 0.68  # a patch's share of its bounding box, with its holes; a disk has 0.79
OWN = 0.4  # the same without its holes


def patches(kinds: np.ndarray, least: float, most: float) -> Iterator[float]:
    """Yield the share of holes in each compact patch whose sides are in this range; what is of kind 0 is none."""
    parts, places = components(kinds), np.nonzero(kinds)
    names, part, sizes = np.unique(parts[places], return_inverse=True, return_counts=True)
    boxes = np.zeros((4, len(names)), dtype=int)  # top, left, bottom, right
    boxes[:2] = kinds.size
    for number, lines in enumerate(places):
        np.minimum.at(boxes[number], part, lines)
        np.maximum.at(boxes[number + 2], part, lines + 1)
    sides = np.sort(boxes[2:] - boxes[:2], axis=0)
    fits = (sides[0] >= least) & (sides[1] <= most) & (sides[1] <= LONGEST * sides[0])
    fits &= sizes >= OWN * sides.prod(0)
    for index in np.flatnonzero(fits):
        top, left, bottom, right = boxes[:, index]
        own = parts[top:bottom, left:right] == names[index]
        full = _between(own) & _between(own.T).T
        if full.mean() >= FULL:
            yield float(1 - own.sum() / full.sum())


def components(kinds: np.ndarray) -> np.ndarray:
    """Return for every pixel the first one of those of its kind that it is connected with along rows and columns.

    What is of kind 0 is connected with nothing.
    """
    pixels = np.arange(kinds.size).reshape(kinds.shape)
    across = (kinds[:, 1:] == kinds[:, :-1]) & (kinds[:, 1:] > 0)
    down = (kinds[1:] == kinds[:-1]) & (kinds[1:] > 0)
    one = np.concatenate([pixels[:, 1:][across], pixels[1:][down]])
    other = np.concatenate([pixels[:, :-1][across], pixels[:-1][down]])
    first = pixels.ravel().copy()
    while (differ := first[one] != first[other]).any():
        one, other = one[differ], other[differ]
        a, b = first[one], first[other]
        np.minimum.at(first, np.maximum(a, b), np.minimum(a, b))
        while ((further := first[first]) != first).any():
            first = further
    return first.reshape(kinds.shape)


def _between(own: np.ndarray) -> np.ndarray:
    """Return what lies between the first and the last pixel of each row."""
    return np.logical_or.accumulate(own, 1) & np.logical_or.accumulate(own[:, ::-1], 1)[:, ::-1]
