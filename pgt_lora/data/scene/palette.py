"""Colors that are told apart, and the measure by which they are."""

from functools import lru_cache

Rgb = tuple[int, int, int]

BACKGROUND: Rgb = (128, 128, 128)

COLORS: dict[str, Rgb] = {
    "red": (225, 20, 20),
    "green": (20, 150, 40),
    "blue": (30, 50, 220),
    "yellow": (250, 230, 20),
    "orange": (250, 135, 10),
    "purple": (150, 15, 150),
    "cyan": (20, 220, 230),
    "pink": (255, 135, 205),
}

# Figures are drawn on black, in the primary and secondary colors of light and in white.
BLACK: Rgb = (0, 0, 0)

FIGURE_COLORS: dict[str, Rgb] = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "cyan": (0, 255, 255),
    "magenta": (255, 0, 255),
    "yellow": (255, 255, 0),
    "white": (255, 255, 255),
}

# About ten just-noticeable differences: no two colors of an image, as drawn, are nearer than this.
MIN_DELTA_E = 25.0


def blend(color: Rgb, opacity: float, background: Rgb = BACKGROUND) -> Rgb:
    """Return `color` drawn with `opacity` over `background`, as Pillow rounds it."""
    over = round(255 * opacity)
    mixed = [round((c * over + b * (255 - over)) / 255) for c, b in zip(color, background, strict=True)]
    return mixed[0], mixed[1], mixed[2]


def label_color(fill: Rgb) -> Rgb:
    """Return black or white, whichever stands out more on `fill` (relative luminance, WCAG 2.2)."""
    luminance = sum(weight * linear(c) for weight, c in zip((0.2126, 0.7152, 0.0722), fill, strict=True))
    return (0, 0, 0) if luminance > 0.179 else (255, 255, 255)


def delta_e(first: Rgb, second: Rgb) -> float:
    """Return the CIE 1976 color difference of two sRGB colors; 2.3 is just noticeable."""
    return sum((a - b) ** 2 for a, b in zip(_lab(first), _lab(second), strict=True)) ** 0.5


def nearest_name(color: Rgb) -> tuple[str, float]:
    """Return the name in `COLORS` that a color is nearest to, and by how much (ΔE) it is nearer than to the next."""
    distances = sorted((delta_e(color, rgb), name) for name, rgb in COLORS.items())
    return distances[0][1], distances[1][0] - distances[0][0]


def linear(channel: int) -> float:
    """Return the light of one channel of sRGB, from 0 to 1."""
    c = channel / 255
    return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4


@lru_cache(4096)
def _lab(color: Rgb) -> tuple[float, float, float]:
    r, g, b = map(linear, color)
    xyz = (
        (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047,  # D65 white point
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883,
    )
    fx, fy, fz = (t ** (1 / 3) if t > (6 / 29) ** 3 else t / (3 * (6 / 29) ** 2) + 4 / 29 for t in xyz)
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)
