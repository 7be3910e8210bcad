"""Textures of kinds that no pre-training has: what `pgt_lora/tiny/grounds.py` draws holds none of them."""

from collections.abc import Callable
from random import Random

import numpy as np

from pgt_lora.data.scene import Canvas
from pgt_lora.tiny.grounds import Drawn, Generator, draw_color, enlarged, grid, mixed, span


def texture(rng: Random, canvas: Canvas, kind: str) -> np.ndarray:
    """Return a texture of a kind as RGB pixels, (height, width, 3)."""
    generator = np.random.Generator(np.random.PCG64(rng.getrandbits(64)))
    pixels: np.ndarray = np.clip(TEXTURES[kind](generator, canvas.height, canvas.width), 0, 255).astype(np.uint8)
    return pixels


def bricks(random: Generator, height: int, width: int) -> Drawn:
    """Return rows of bricks in shades of one color, with joints of another."""
    x, y = grid(height, width)
    num_rows, length, joint = span(random, 4, 10), span(random, 1.5, 3), span(random, 0.06, 0.16)
    down = num_rows * (y + 0.5)
    across = num_rows / length * (x + 0.5) + 0.5 * (np.floor(down) % 2)
    shades = 0.7 + 0.6 * random.random((12, 12))
    shade = shades[np.floor(down).astype(int) % 12, np.floor(across).astype(int) % 12]
    is_joint = (down % 1 < joint) | (across % 1 < joint / length)
    drawn: Drawn = np.where(is_joint[..., None], draw_color(random), shade[..., None] * draw_color(random))
    return drawn


def marble(random: Generator, height: int, width: int) -> Drawn:
    """Return veins: lines that are bent by noise, sharp on one side of them and soft on the other."""
    x, y = grid(height, width)
    angle, cells = 2 * np.pi * random.random(), int(span(random, 3, 7))
    bend = sum(enlarged(random.random((cells * 2**k, cells * 2**k)), height, width) / 2**k for k in range(3))
    along = span(random, 1, 3) * (np.cos(angle) * x + np.sin(angle) * y) + span(random, 0.6, 1.4) * bend
    return mixed(np.abs(np.sin(np.pi * along)) ** span(random, 0.3, 0.8), draw_color(random), draw_color(random))


def rings(random: Generator, height: int, width: int) -> Drawn:
    """Return the rings of a trunk that was sawn aslant."""
    x, y = grid(height, width)
    bend = enlarged(random.random((4, 4)), height, width)
    far = np.hypot(x - span(random, -1, 1), span(random, 0.2, 1) * (y - span(random, -1, 1)))
    share = (span(random, 6, 20) * far + span(random, 0.3, 1) * bend) % 1
    return mixed(share ** span(random, 0.5, 2), draw_color(random), draw_color(random))


def cells(random: Generator, height: int, width: int) -> Drawn:
    """Return pebbles of a few colors: every pixel belongs to the nearest of many points, with joints between."""
    x, y = grid(height, width)
    points = random.random((int(span(random, 15, 60)), 2, 1, 1)).astype(np.float32) - 0.5
    far = np.hypot(x - points[:, 0], y - points[:, 1])
    nearest, next_one = np.sort(far, axis=0)[:2]
    colors = np.stack([draw_color(random) for _ in range(int(span(random, 2, 6)))])
    shades = 0.8 + 0.4 * random.random((len(points), 1))
    of_points = shades * colors[random.integers(len(colors), size=len(points))]
    is_joint = next_one - nearest < span(random, 0.005, 0.02)
    drawn: Drawn = np.where(is_joint[..., None], draw_color(random), of_points[far.argmin(0)])
    return drawn


def weave(random: Generator, height: int, width: int) -> Drawn:
    """Return cloth: threads of two colors that go over and under each other, darker towards their edges."""
    x, y = grid(height, width)
    threads = span(random, 6, 18)
    across, down = threads * (x + 0.5), threads * (y + 0.5)
    is_over = (np.floor(across) + np.floor(down)) % 2 < 1
    round_off = np.where(is_over, np.sin(np.pi * (across % 1)), np.sin(np.pi * (down % 1)))
    color = np.where(is_over[..., None], draw_color(random), draw_color(random))
    drawn: Drawn = (1 - span(random, 0.2, 0.6) * (1 - round_off))[..., None] * color
    return drawn


TEXTURES: dict[str, Callable[[Generator, int, int], Drawn]] = {
    "bricks": bricks, "cells": cells, "marble": marble, "rings": rings, "weave": weave,
}  # fmt: skip
