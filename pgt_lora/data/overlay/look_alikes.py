"""Whether a photograph shows by itself what could be taken for a primitive that a question names by its color.

Two shapes are looked for: a compact, lone patch of the color, and a rectangle's outline in it.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
from PIL import Image

from pgt_lora.data.overlay.plan import Asked
from pgt_lora.data.scene.colors import codes, differences
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.data.tasks.counting import RADIUS

# What is nearer to a color than this, and to no other name, could be taken for it (CIE 1976). Circles may be
# transparent by 40%, outlines are opaque.
OF_PATCH, OF_OUTLINE = 38.0, 30.0

PATCH_SIDE_PX = 160  # the short side on which patches are searched
FILLED, AROUND = 0.8, 0.19  # a patch's share of look-alike pixels: at least this within, at most this around it

OUTLINE_SIDE_PX = 320  # the short side on which outlines are searched
LINE_PX, STRAIGHT_PX = 7, 9  # a line is thinner than this, and at least so long between two others
DRAWN = 0.9  # share of look-alike pixels in a line
CORNERS = 3  # of four: one may be hidden


def shows_look_alike(photograph: Image.Image, asked: Sequence[Asked]) -> bool:
    """Tell whether a photograph (RGB) shows what could be taken for a primitive whose color a question names."""
    colors = {value for each in asked for key, value in each.question.about.items() if key.startswith("color")}
    return any(shows_patch(photograph, color) or shows_outline(photograph, color) for color in sorted(colors))


def shows_patch(photograph: Image.Image, color: str) -> bool:
    """Tell whether a photograph shows a compact, lone patch of a color, of the size of a counted circle."""
    alike = _alike(photograph, color, PATCH_SIDE_PX, OF_PATCH)
    sums = np.pad(alike.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    least, most = (2**0.5 * radius * min(alike.shape) for radius in RADIUS)  # the squares within the circles
    return any(_has_patch(sums, round(side)) for side in np.geomspace(0.7 * least, 1.4 * most, 5))


def shows_outline(photograph: Image.Image, color: str) -> bool:
    """Tell whether a photograph shows thin lines of a color that meet in corners, as those of a box do."""
    alike = _alike(photograph, color, OUTLINE_SIDE_PX, OF_OUTLINE)
    across, down = _lines(alike), [ends.T for ends in _lines(alike.T)]
    return sum(bool((one & other).any()) for one, other in product(across, down)) >= CORNERS


def _alike(photograph: Image.Image, color: str, side: int, limit: float) -> np.ndarray:
    """Return which pixels of a photograph, brought to this short side, could be taken for a color."""
    share = side / min(photograph.size)
    width, height = (max(1, round(share * length)) for length in photograph.size)
    far = differences()[codes(np.asarray(photograph.resize((width, height), Image.Resampling.BOX)))]
    index = list(COLORS).index(color)
    return (far[..., index] < limit) & (far.argmin(-1) == index)


def _has_patch(sums: np.ndarray, side: int) -> bool:
    """Tell whether a square of this side is filled, and hardly anything around it, given sums over all rectangles."""
    margin = max(1, round(0.6 * side))
    areas = np.outer(*(np.arange(length) for length in sums.shape))
    # Beyond the image's edge there is nothing, neither alike nor other.
    outer, area = (
        _in_squares(np.pad(each, margin, mode="edge"), side + 2 * margin) for each in (sums, areas.astype(float))
    )
    within = _in_squares(sums, side)
    if not within.size:
        return False
    return bool(((within / side**2 >= FILLED) & (outer - within <= AROUND * (area - side**2))).any())


def _in_squares(sums: np.ndarray, side: int) -> np.ndarray:
    return sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]


def _lines(alike: np.ndarray) -> list[np.ndarray]:
    """Return where thin horizontal lines start and where they end, each grown to what lies around it."""
    height, width = alike.shape
    nothing = np.zeros((LINE_PX, width), dtype=bool)
    above, below = np.vstack([nothing, alike])[:height], np.vstack([alike, nothing])[LINE_PX:]
    sums = np.pad((alike & ~above & ~below).cumsum(1), ((0, 0), (1, 0)))
    straight = sums[:, STRAIGHT_PX:] - sums[:, :-STRAIGHT_PX] >= DRAWN * STRAIGHT_PX
    beyond = np.pad(straight, ((0, 0), (1, 1)))
    starts, ends = straight & ~beyond[:, :-2], straight & ~beyond[:, 2:]
    rest = STRAIGHT_PX - 1
    return [_grown(np.pad(starts, ((0, 0), (0, rest)))), _grown(np.pad(ends, ((0, 0), (rest, 0))))]


def _grown(points: np.ndarray) -> np.ndarray:
    """Return what lies within a line's width, and a little more, of points; along both axes."""
    reach = LINE_PX + 2
    sums = np.pad(np.pad(points, reach).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    return np.asarray(_in_squares(sums, 2 * reach + 1) > 0)
