"""Grounds of many kinds: grays, plain colors, gradients and textures, drawn by numpy from a seed.

No photograph is among them, so that photographs stay unseen. A ground is taken only where every primitive on it
keeps a color that is certain.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from random import Random

import numpy as np
from PIL import Image

from pgt_lora.data.scene import Box, Canvas, Circle
from pgt_lora.data.scene.colors import codes, differences
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.tiny.picture import Ground, Thing

Drawn = np.ndarray
Generator = np.random.Generator

MAX_TRIES = 6
LOOK_ALIKE = 30.0  # ground nearer to a color's name than this could be taken for it
MAX_SHARE = 0.12  # of what lies under and around a primitive
HIDING_SHARE = 0.02  # of the whole ground, from which on a color is not asked for
REACH_PX = 4


def choose_ground(
    rng: Random, canvas: Canvas, objects: Sequence[Box | Circle | Thing]
) -> tuple[Ground, frozenset[str]]:
    """Draw a ground on which every object is certain, and the names of the colors that it holds."""
    for _ in range(MAX_TRIES):
        kind = rng.choices(tuple(KINDS), WEIGHTS)[0]
        ground = Ground(kind, rng.getrandbits(32))
        if kind == "gray":
            break
        drawn = draw_ground(ground, canvas)
        far = far_from_names(drawn)
        if all(is_certain(each, drawn, far) for each in objects):
            shares = (far < LOOK_ALIKE).mean((0, 1))
            return ground, frozenset(n for n, share in zip(COLORS, shares, strict=True) if share > HIDING_SHARE)
    return Ground(), frozenset()


def far_from_names(drawn: np.ndarray) -> np.ndarray:
    """Return the color difference of every second pixel of a ground, on both axes, from every name."""
    far: np.ndarray = differences()[codes(drawn[::2, ::2])]
    return far


def is_certain(each: Box | Circle | Thing, drawn: np.ndarray, far: np.ndarray) -> bool:
    """Tell whether an object is in no danger of being lost in a ground, nor taken for another color on it.

    `drawn` are the ground's pixels, `far` the differences of every second one from the names.
    """
    if isinstance(each, Circle):
        left, top, right, bottom = (
            each.x - each.radius,
            each.y - each.radius,
            each.x + each.radius,
            each.y + each.radius,
        )
    else:
        box = each if isinstance(each, Box) else each.box
        left, top, right, bottom = box.left, box.top, box.right + 1, box.bottom + 1
    index = list(COLORS).index(each.color)
    rows = slice(max(0, top - REACH_PX) // 2, (bottom + REACH_PX) // 2 + 1)
    columns = slice(max(0, left - REACH_PX) // 2, (right + REACH_PX) // 2 + 1)
    if (far[rows, columns, index] < LOOK_ALIKE).mean() > MAX_SHARE:
        return False
    if not isinstance(each, Circle) or each.opacity == 1:
        return True
    under = drawn[top:bottom:2, left:right:2].reshape(-1, 3)
    seen = each.opacity * np.array(COLORS[each.color]) + (1 - each.opacity) * under
    return bool((differences()[codes(seen)].argmin(1) == index).mean() > 0.95)


@lru_cache(maxsize=4)
def draw_ground(ground: Ground, canvas: Canvas) -> Drawn:
    """Return a ground as RGB pixels, (height, width, 3); the same seed gives the same pixels."""
    generator = np.random.Generator(np.random.PCG64(ground.seed))
    drawn = KINDS[ground.kind][0](generator, canvas.height, canvas.width)
    if ground.kind != "gray" and generator.random() < 0.3:
        drawn = drawn + span(generator, 4, 40) * (generator.random((canvas.height, canvas.width, 1)) - 0.5)
    pixels: np.ndarray = np.clip(drawn, 0, 255).astype(np.uint8)
    pixels.flags.writeable = False
    return pixels


def span(random: Generator, low: float, high: float) -> float:
    """Draw a number between two."""
    return low + (high - low) * float(random.random())


def draw_color(random: Generator) -> np.ndarray:
    """Draw RGB values from gray to full color: pictures hold more of the former."""
    color = 255 * random.random(3)
    return color.mean() + random.random() * (color - color.mean())


def grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of all pixels, from -0.5 to 0.5, of shapes (1, width) and (height, 1)."""
    y, x = np.ogrid[-0.5 : 0.5 : height * 1j, -0.5 : 0.5 : width * 1j]
    return x.astype(np.float32), y.astype(np.float32)


def _flat(height: int, width: int, color: np.ndarray | float) -> np.ndarray:
    return np.full((height, width, 3), color, np.float32)


def enlarged(small: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return values from 0 to 1 in another size, smoothly."""
    image = Image.fromarray((255 * small).astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image, np.float32) / 255


def mixed(share: np.ndarray, first: np.ndarray, second: np.ndarray) -> Drawn:
    """Return what lies between two colors, by the share of the second."""
    between: Drawn = first + np.clip(share, 0, 1)[..., None] * (second - first)
    return between


def gray(random: Generator, height: int, width: int) -> Drawn:
    """Return the gray of PGT."""
    return _flat(height, width, 128)


def other_gray(random: Generator, height: int, width: int) -> Drawn:
    """Return any gray."""
    return _flat(height, width, 255 * random.random())


def plain(random: Generator, height: int, width: int) -> Drawn:
    """Return one color."""
    return _flat(height, width, draw_color(random))


def gradient(random: Generator, height: int, width: int) -> Drawn:
    """Return a change from one color to another, along a line or outwards."""
    x, y = grid(height, width)
    angle = 2 * np.pi * random.random()
    share = 0.5 + 0.8 * (np.cos(angle) * x + np.sin(angle) * y) if random.random() < 0.7 else 1.6 * np.hypot(x, y)
    return mixed(share, draw_color(random), draw_color(random))


def noise(random: Generator, height: int, width: int) -> Drawn:
    """Return value noise of two to four octaves, in colors that change together or apart."""
    cells, rough = int(span(random, 2, 7)), span(random, 0.4, 0.85)
    channels = 3 if random.random() < 0.5 else 1
    total, weight, sum_of_weights = np.zeros((height, width, channels), np.float32), 1.0, 0.0
    for _ in range(int(span(random, 2, 5))):
        small = random.random((cells + 1, cells + 1, channels))
        total += weight * enlarged(small.squeeze(-1) if channels == 1 else small, height, width).reshape(total.shape)
        sum_of_weights += weight
        cells, weight = min(2 * cells, 80), weight * rough
    share = 0.5 + span(random, 0.8, 2.2) * (total / sum_of_weights - 0.5)
    first, second = draw_color(random), draw_color(random)
    return first + np.clip(share, 0, 1) * (second - first)


def grating(random: Generator, height: int, width: int) -> Drawn:
    """Return stripes or checks, soft or hard."""
    x, y = grid(height, width)
    angle, waves = np.pi * random.random(), span(random, 2, 16)
    wave = np.sin(2 * np.pi * (waves * (np.cos(angle) * x + np.sin(angle) * y) + random.random()))
    if random.random() < 0.4:
        wave = wave * np.sin(2 * np.pi * (waves * (np.cos(angle) * y - np.sin(angle) * x) + random.random()))
    return mixed(0.5 + span(random, 0.3, 3) * wave, draw_color(random), draw_color(random))


def blobs(random: Generator, height: int, width: int) -> Drawn:
    """Return soft spots of several colors."""
    x, y = grid(height, width)
    drawn = _flat(height, width, draw_color(random))
    for _ in range(int(span(random, 3, 9))):
        reach = span(random, 0.06, 0.3)
        share = np.exp(-((x - random.random() + 0.5) ** 2 + (y - random.random() + 0.5) ** 2) / reach**2)
        drawn += share[..., None] * (draw_color(random) - drawn)
    return drawn


def polygons(random: Generator, height: int, width: int) -> Drawn:
    """Return the plane cut by lines into facets, each of a shade or a color of its own."""
    x, y = grid(height, width)
    number = int(span(random, 2, 6))
    facet = np.zeros((height, width), np.int64)
    for line in range(number):
        angle = 2 * np.pi * random.random()
        facet += (np.cos(angle) * x + np.sin(angle) * y > 0.7 * (random.random() - 0.5)) << line
    colors = np.stack([draw_color(random) for _ in range(2**number)])
    colors = colors[0] + span(random, 0.2, 1) * (colors - colors[0])
    drawn: np.ndarray = colors[facet]
    return drawn


KINDS: dict[str, tuple[Callable[[Generator, int, int], Drawn], float]] = {
    "gray": (gray, 0.12), "other gray": (other_gray, 0.08), "plain": (plain, 0.16), "gradient": (gradient, 0.12),
    "noise": (noise, 0.22), "grating": (grating, 0.1), "blobs": (blobs, 0.1), "polygons": (polygons, 0.1),
}  # fmt: skip
WEIGHTS = tuple(weight for _, weight in KINDS.values())
