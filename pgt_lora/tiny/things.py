"""Things to know beside the primitives: small drawings of a form each, with one main color."""

from functools import cache
from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageDraw

from pgt_lora.data.scene.palette import Rgb

OVERSAMPLING = 4
OVAL_STEPS = 18  # lines of an oval's outline
MAIN, DARK, LIGHT = "main", "dark", "light"

Points = list[tuple[float, float]]
Part = tuple[str, Points]


def _oval(x: float, y: float, width: float, height: float, start: float = 0, end: float = 1) -> Points:
    angles = [2 * pi * (start + (end - start) * i / OVAL_STEPS) for i in range(OVAL_STEPS + 1)]
    return [(x + width / 2 * cos(a), y + height / 2 * sin(a)) for a in angles]


def _bar(left: float, top: float, right: float, bottom: float) -> Points:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _star(points: int, inner: float) -> Points:
    return [
        (0.5 + 0.5 * (1, inner)[i % 2] * sin(pi * i / points), 0.5 - 0.5 * (1, inner)[i % 2] * cos(pi * i / points))
        for i in range(2 * points)
    ]


_PETALS: list[Part] = [
    (MAIN, _oval(0.5 + 0.3 * sin(2 * pi * i / 5), 0.5 - 0.3 * cos(2 * pi * i / 5), 0.38, 0.38)) for i in range(5)
]
_HEART: Points = [
    (0.5 + 0.031 * 16 * sin(t) ** 3, 0.45 - 0.031 * (13 * cos(t) - 5 * cos(2 * t) - 2 * cos(3 * t) - cos(4 * t)))
    for t in (2 * pi * i / 28 for i in range(28))
]

# The parts of each thing in the unit square, from the back to the front.
THINGS: dict[str, list[Part]] = {
    "cup": [
        (MAIN, _oval(0.8, 0.5, 0.4, 0.5)), (LIGHT, _oval(0.8, 0.5, 0.2, 0.28)),
        (MAIN, [(0.05, 0.12), (0.78, 0.12), (0.68, 0.95), (0.15, 0.95)]), (DARK, _oval(0.415, 0.13, 0.72, 0.16)),
    ],
    "tree": [(DARK, _bar(0.42, 0.6, 0.58, 1)), (MAIN, _oval(0.5, 0.35, 0.9, 0.7))],
    "fir": [
        (DARK, _bar(0.43, 0.8, 0.57, 1)),
        (MAIN, [(0.5, 0), (0.75, 0.35), (0.62, 0.35), (0.9, 0.82), (0.1, 0.82), (0.38, 0.35), (0.25, 0.35)]),
    ],
    "fish": [
        (MAIN, _oval(0.4, 0.5, 0.8, 0.55)), (MAIN, [(0.68, 0.5), (1, 0.15), (1, 0.85)]),
        (LIGHT, _oval(0.2, 0.43, 0.13, 0.13)), (DARK, _oval(0.2, 0.43, 0.06, 0.06)),
    ],
    "house": [
        (MAIN, _bar(0.1, 0.36, 0.9, 1)), (DARK, [(0, 0.4), (0.5, 0), (1, 0.4)]), (LIGHT, _bar(0.42, 0.68, 0.6, 1)),
    ],
    "star": [(MAIN, _star(5, 0.45))],
    "key": [
        (MAIN, _oval(0.24, 0.5, 0.48, 0.48)), (LIGHT, _oval(0.22, 0.5, 0.18, 0.18)), (MAIN, _bar(0.4, 0.42, 1, 0.58)),
        (MAIN, _bar(0.72, 0.5, 0.8, 0.78)), (MAIN, _bar(0.9, 0.5, 0.98, 0.78)),
    ],
    "car": [
        (MAIN, [(0, 0.5), (0.2, 0.48), (0.33, 0.2), (0.7, 0.2), (0.82, 0.48), (1, 0.55), (1, 0.78), (0, 0.78)]),
        (LIGHT, [(0.36, 0.28), (0.66, 0.28), (0.72, 0.46), (0.3, 0.46)]), (DARK, _oval(0.24, 0.78, 0.24, 0.24)),
        (DARK, _oval(0.77, 0.78, 0.24, 0.24)),
    ],
    "boat": [
        (MAIN, [(0, 0.68), (1, 0.68), (0.8, 1), (0.2, 1)]), (MAIN, [(0.52, 0), (0.52, 0.6), (0.95, 0.6)]),
        (LIGHT, [(0.46, 0.1), (0.46, 0.6), (0.12, 0.6)]),
    ],
    "flower": [*_PETALS, (LIGHT, _oval(0.5, 0.5, 0.3, 0.3))],
    "moon": [(MAIN, [*_oval(0.55, 0.5, 1, 1, 0.14, 0.86), *reversed(_oval(0.78, 0.5, 0.8, 0.74, 0.2, 0.8))])],
    "heart": [(MAIN, _HEART)],
    "bird": [
        (MAIN, _oval(0.5, 0.6, 0.62, 0.42)), (MAIN, _oval(0.22, 0.36, 0.34, 0.34)),
        (DARK, [(0.07, 0.32), (0.07, 0.44), (-0.05, 0.4)]), (MAIN, [(0.68, 0.55), (1, 0.28), (0.98, 0.62)]),
        (LIGHT, _oval(0.19, 0.32, 0.09, 0.09)), (DARK, _bar(0.45, 0.78, 0.5, 1)), (DARK, _bar(0.58, 0.78, 0.63, 1)),
    ],
    "umbrella": [
        (MAIN, _oval(0.5, 0.55, 1, 1, 0.5, 1)), (DARK, _bar(0.47, 0.5, 0.53, 0.98)),
        (DARK, _bar(0.47, 0.92, 0.7, 0.98)),
    ],
    "mushroom": [
        (LIGHT, [(0.38, 0.45), (0.62, 0.45), (0.7, 1), (0.3, 1)]), (MAIN, _oval(0.5, 0.52, 1, 0.95, 0.5, 1)),
        (LIGHT, _oval(0.3, 0.33, 0.14, 0.14)), (LIGHT, _oval(0.62, 0.25, 0.16, 0.16)),
    ],
    "hat": [(MAIN, _bar(0.24, 0.2, 0.76, 0.8)), (MAIN, _oval(0.5, 0.8, 1, 0.22)), (DARK, _bar(0.24, 0.58, 0.76, 0.7))],
    "bell": [
        (MAIN, [(0.1, 0.8), (0.25, 0.55), (0.3, 0.22), (0.5, 0.06), (0.7, 0.22), (0.75, 0.55), (0.9, 0.8)]),
        (DARK, _oval(0.5, 0.88, 0.22, 0.2)),
    ],
    "cloud": [
        (MAIN, _oval(0.28, 0.6, 0.5, 0.42)), (MAIN, _oval(0.55, 0.45, 0.52, 0.52)),
        (MAIN, _oval(0.77, 0.62, 0.42, 0.36)), (MAIN, _bar(0.1, 0.62, 0.92, 0.82)),
    ],
    "arrow": [(MAIN, [(0, 0.36), (0.55, 0.36), (0.55, 0.1), (1, 0.5), (0.55, 0.9), (0.55, 0.64), (0, 0.64)])],
    "leaf": [
        (MAIN, [(0, 0), (0.45, 0.02), (0.82, 0.3), (0.9, 0.9), (0.3, 0.82), (0.02, 0.45)]),
        (DARK, [(0.1, 0.14), (0.14, 0.1), (1, 0.95), (0.95, 1)]),
    ],
}  # fmt: skip
NAMES = tuple(THINGS)


@cache
def _parts(name: str) -> list[tuple[str, np.ndarray]]:
    return [(role, np.array(points)) for role, points in THINGS[name]]


def draw_thing(name: str, main: Rgb, width: int, height: int, seed: int) -> Image.Image:
    """Return a thing as an RGBA image of a width and height in pixels; `seed` turns, mirrors and shades it."""
    random = np.random.Generator(np.random.PCG64(seed)).random
    turn, mirror, dark, light, lean = (random() for _ in range(5))
    angle = 0.5 * (turn - 0.5)
    shape = np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]]) @ np.array(
        [[1, 0.3 * (lean - 0.5)], [0, 1]]
    )
    if mirror < 0.5:
        shape = shape @ np.array([[-1, 0], [0, 1]])
    parts = [(role, (points - 0.5) @ shape.T) for role, points in _parts(name)]
    low = np.min([points.min(0) for _, points in parts], 0)
    span = np.max([points.max(0) for _, points in parts], 0) - low
    size = np.array([width, height]) * OVERSAMPLING
    paint = {
        MAIN: main,
        DARK: tuple(int(c * (0.25 + 0.3 * dark)) for c in main),
        LIGHT: tuple(int(c + (250 - c) * (0.75 + 0.25 * light)) for c in main),
    }
    image = Image.new("RGBA", tuple(size.tolist()), (*main, 0))
    draw = ImageDraw.Draw(image)
    for role, points in parts:
        draw.polygon(((points - low) / span * (size - 1)).ravel().tolist(), fill=(*paint[role], 255))
    return image.reduce(OVERSAMPLING)
