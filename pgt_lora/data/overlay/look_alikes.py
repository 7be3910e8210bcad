"""Whether a photograph shows by itself what could be taken for a primitive that a question is about.

Three shapes are looked for: a compact, lone patch of a color that a question names, a rectangle's outline in it, and,
where a question is about letters, a circle of any color with something in it.
"""

from collections.abc import Sequence
from functools import cache
from itertools import chain, product

import numpy as np
from PIL import Image

from pgt_lora.data.overlay.patches import patches
from pgt_lora.data.overlay.plan import Asked
from pgt_lora.data.scene.colors import codes, differences
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.data.tasks import labels
from pgt_lora.data.tasks.counting import RADIUS

# What is nearer to a color than this, and to no other name, could be taken for it (CIE 1976). Circles may be
# transparent by 40%, outlines are opaque.
OF_PATCH, OF_OUTLINE = 38.0, 30.0

PATCH_SIDE_PX = 160  # the short side on which patches are searched
LEAST, MOST = 0.7, 1.25  # how much smaller and larger than a drawn circle a patch may be
NECK_PX = 2  # patches that touch fall apart when this much of their border is taken away
LETTER = 0.03  # the least share of a circle that its letter takes

OUTLINE_SIDE_PX = 320  # the short side on which outlines are searched
LINE_PX, STRAIGHT_PX = 7, 9  # a line is thinner than this, and at least so long between two others
DRAWN = 0.9  # share of look-alike pixels in a line
CORNERS = 3  # of four: one may be hidden


def shows_look_alike(photograph: Image.Image, asked: Sequence[Asked]) -> bool:
    """Tell whether a photograph (RGB) shows what could be taken for a primitive that a question is about."""
    named = [{value for key, value in each.question.about.items() if key.startswith("color")} for each in asked]
    for_patches, for_outlines = names_for_patches(photograph), names_for_outlines(photograph)
    for color in sorted(set().union(*named)):
        if shows_patch(for_patches, color) or shows_outline(for_outlines, color):
            return True
    return not all(named) and shows_lettered(for_patches)  # what names no color is about letters


def names_for_patches(photograph: Image.Image) -> np.ndarray:
    """Return the number of the color that each pixel could be taken for where patches are searched; 0 is none."""
    return _names(photograph, PATCH_SIDE_PX, OF_PATCH)


def names_for_outlines(photograph: Image.Image) -> np.ndarray:
    """Return the same where outlines are searched."""
    return _names(photograph, OUTLINE_SIDE_PX, OF_OUTLINE)


def shows_patch(names: np.ndarray, color: str) -> bool:
    """Tell whether a photograph shows a compact, lone patch of a color, of the size of a circle."""
    alike = names == _number(color)
    if not alike.any():
        return False
    least, most = _diameters(RADIUS[0])
    apart, less = alike & ~_grown(~alike, NECK_PX), 2 * NECK_PX
    return any(True for _ in chain(patches(alike, least, most), patches(apart, least - less, most - less)))


def shows_lettered(names: np.ndarray) -> bool:
    """Tell whether a photograph shows a circle of any of the palette's colors with something in it."""
    return any(holes >= LETTER for holes in patches(names, *_diameters(labels.RADIUS[0])))


def _diameters(least_radius: float) -> tuple[float, float]:
    """Return between which lengths the sides of a patch lie that could be taken for a circle."""
    return 2 * LEAST * least_radius * PATCH_SIDE_PX, 2 * MOST * labels.RADIUS[1] * PATCH_SIDE_PX


def shows_outline(names: np.ndarray, color: str) -> bool:
    """Tell whether a photograph shows thin lines of a color that meet in corners, as those of a box do."""
    alike = names == _number(color)
    if not alike.any():
        return False
    across, down = _lines(alike), [ends.T for ends in _lines(alike.T)]
    return sum(bool((one & other).any()) for one, other in product(across, down)) >= CORNERS


def _number(color: str) -> int:
    return list(COLORS).index(color) + 1


def _names(photograph: Image.Image, side: int, limit: float) -> np.ndarray:
    share = side / min(photograph.size)
    width, height = (max(1, round(share * length)) for length in photograph.size)
    return _names_of_codes(limit)[codes(np.asarray(photograph.resize((width, height), Image.Resampling.BOX)))]


@cache
def _names_of_codes(limit: float) -> np.ndarray:
    far = differences()
    return np.where(far.min(1) < limit, far.argmin(1) + 1, 0).astype(np.uint8)


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
    rest, near = STRAIGHT_PX - 1, LINE_PX + 2
    return [_grown(np.pad(starts, ((0, 0), (0, rest))), near), _grown(np.pad(ends, ((0, 0), (rest, 0))), near)]


def _grown(points: np.ndarray, reach: int) -> np.ndarray:
    """Return what lies this near to points, along both axes."""
    sums = np.pad(np.pad(points, reach).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    return np.asarray(_in_squares(sums, 2 * reach + 1) > 0)
