"""Whether primitives on a photograph leave no doubt, measured on the picture that they are drawn into.

Color differences are CIE 1976 (`delta_e`). What is measured of a primitive is its border: by how much its color differs
there from what lies around it, and for what lets the photograph through, how much of it keeps its color's name.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pgt_lora.data.scene import Box, Circle, Scene
from pgt_lora.data.scene.colors import codes, differences, lab
from pgt_lora.data.scene.palette import COLORS, label_color
from pgt_lora.data.scene.render import outline_width
from pgt_lora.data.tasks.layout import extent

LOW = 10  # percentile of the differences around a primitive
MIN_MEDIAN, MIN_LOW = 35.0, 20.0
MIN_OWN = 0.95  # of what lets the photograph through: the share that is nearest to its own color's name
MIN_LEAD = 8.0  # by how much nearer than to any other name
SIDE_PX = 320  # of the short side, from which on not every pixel is looked at


@dataclass(frozen=True)
class Measure:
    """What was measured of one primitive: median and low percentile of its border's differences, and `own`, a share.

    `own` says how much of the primitive has a color of its own, that of its name; none where only a casing stands out.
    """

    median: float
    low: float
    own: float

    @property
    def is_certain(self) -> bool:
        """Whether the primitive stands out, in its own color."""
        return self.median >= MIN_MEDIAN and self.low >= MIN_LOW and self.own >= MIN_OWN


def measures(scene: Scene, picture: Image.Image) -> Iterator[Measure]:
    """Yield what is measured of each primitive of a scene in the picture that it is drawn into."""
    pixels = np.asarray(picture)
    for each in scene.primitives:
        yield _measure(each, scene, pixels)


def _measure(each: Box | Circle, scene: Scene, pixels: np.ndarray) -> Measure:
    width, casing = outline_width(scene.canvas), scene.look.casing_px
    rgb, reach = np.array(scene.look.rgb(each.color)), casing + max(3, width)
    step = max(1, scene.canvas.short_side // SIDE_PX)
    left, top, right, bottom = extent(each)
    rows = np.arange(max(0, top - reach), min(scene.canvas.height, bottom + reach), step)
    columns = np.arange(max(0, left - reach), min(scene.canvas.width, right + reach), step)
    near = pixels[rows[0] : rows[-1] + 1 : step, columns[0] : columns[-1] + 1 : step]
    x, y = columns[None, :] + 0.5, rows[:, None] + 0.5
    if isinstance(each, Circle):
        out = np.hypot(x - each.x, y - each.y) - each.radius
    else:
        out = np.maximum(np.maximum(left - x, x - right), np.maximum(top - y, y - bottom))
        out = np.where(out < -width, -width - out, out)  # inside the outline, as outside of it
    opacity = each.opacity if isinstance(each, Circle) else 1.0
    around = near[(out > casing + 0.5) & (out <= reach)].astype(int)
    own = 1.0
    if isinstance(each, Circle) and opacity < 1:
        own = _own(near[out < -1], each.color)
    # What the primitive would look like there, beside what does: the step at its border.
    step_at = np.linalg.norm(lab(np.rint(opacity * rgb + (1 - opacity) * around).astype(int)) - lab(around), axis=-1)
    if casing:
        if np.median(step_at) < MIN_LOW:
            own = 0.0  # two thin lines, and between them the color that is everywhere: a box of the casing's color
        ink = lab(np.array(label_color(scene.look.rgb(each.color))))
        step_at = np.maximum(step_at, np.linalg.norm(ink - lab(around), axis=-1))
    return Measure(float(np.median(step_at)), float(np.percentile(step_at, LOW)), own)


def _own(pixels: np.ndarray, color: str) -> float:
    """Return the share of pixels (number, 3) that are clearly nearer to a color's name than to any other."""
    far, index = differences()[codes(pixels)], list(COLORS).index(color)
    return float((np.delete(far, index, axis=1).min(1) - far[:, index] >= MIN_LEAD).mean())
