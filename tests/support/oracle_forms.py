"""Which form a patch of ink has: part of the oracle."""

from collections.abc import Callable
from functools import cache

import numpy as np


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Return the soft intersection over union of two ink maps."""
    return float(np.minimum(first, second).sum() / np.maximum(first, second).sum())


def form(seen: np.ndarray) -> str:
    """Return which form covers the pixels of a square most alike."""
    likeness = {name: overlap(seen, covered(name, len(seen))) for name in FORMS}
    *_, second, best = sorted(likeness, key=likeness.__getitem__)
    if len(seen) != len(seen.T) or likeness[best] < 0.85 or likeness[best] < likeness[second] + 0.1:
        raise ValueError(f"an unknown form: {likeness}")
    return best


@cache
def covered(name: str, side: int) -> np.ndarray:
    """Return how much of each pixel of a square a form covers, by asking many points whether they are inside."""
    v, u = (np.mgrid[: 20 * side, : 20 * side] + 0.5) / (20 * side)
    return FORMS[name](u, v).reshape(side, 20, side, 20).mean((1, 3))


def in_star(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Tell which points lie in a five-pointed star: no farther from the middle than its edge in their direction."""
    x, y = (2 * u - 1) * np.sin(2 * np.pi / 5), v * (1 + np.cos(np.pi / 5)) - 1
    turn = np.mod(np.arctan2(x, -y), 2 * np.pi / 5)
    turn = np.minimum(turn, 2 * np.pi / 5 - turn)  # from the nearest point of the star; a notch is at pi / 5
    inner = 0.45
    edge = inner * np.sin(np.pi / 5) / (inner * np.sin(np.pi / 5 - turn) + np.sin(turn))
    return np.hypot(x, y) <= edge


FORMS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "square": lambda u, v: np.ones_like(u),
    "circle": lambda u, v: np.hypot(u - 0.5, v - 0.5) <= 0.5,
    "triangle": lambda u, v: np.abs(u - 0.5) <= v / 2,
    "plus": lambda u, v: np.minimum(np.abs(u - 0.5), np.abs(v - 0.5)) <= 1 / 6,
    "star": in_star,
}
