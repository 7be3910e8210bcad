"""The colors of many pixels at once: CIE Lab, and how far they are from the palette's names."""

from functools import cache

import numpy as np

from pgt_lora.data.scene.palette import COLORS, delta_e, linear

LEVELS, STEP = 16, 17
LEVEL_OF = (np.arange(256, dtype=np.int32) + STEP // 2) // STEP


@cache
def differences() -> np.ndarray:
    """Return the color difference of every RGB value, rounded to 16 levels, from every name: (4096, names)."""
    levels = [STEP * level for level in range(LEVELS)]
    return np.array(
        [[delta_e((r, g, b), color) for color in COLORS.values()] for r in levels for g in levels for b in levels]
    )


def codes(pixels: np.ndarray) -> np.ndarray:
    """Return the rows of `differences` that RGB values belong to."""
    red, green, blue = LEVEL_OF * LEVELS**2, LEVEL_OF * LEVELS, LEVEL_OF
    whole = pixels.astype(np.uint8, copy=False)
    return np.asarray(red[whole[..., 0]] + green[whole[..., 1]] + blue[whole[..., 2]])


def lab(pixels: np.ndarray) -> np.ndarray:
    """Return CIE Lab (white point D65) of RGB values of 8 bits, of the same shape; distances there are `delta_e`."""
    light = _light()[pixels]
    xyz = light @ XYZ.T
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


# Of the white point's share: rows of X, Y and Z.
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
XYZ /= np.array([[0.95047], [1.0], [1.08883]])


@cache
def _light() -> np.ndarray:
    return np.array([linear(channel) for channel in range(256)])
