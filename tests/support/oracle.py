"""Answers a PGT question from the pixels and the words alone, by a route of its own: the judge of the generator.

It knows how people name hues and how questions are worded; it knows neither the palette, nor the scene, nor how the
tasks make or solve it.
"""

import re
from collections.abc import Callable

import numpy as np
from PIL import Image
from scipy import ndimage

from tests.support.oracle_forms import form
from tests.support.oracle_shapes import Shape, find_disks, find_shapes


def answer(image: Image.Image, question: str) -> str:
    """Return the answer; raise `ValueError` where the question is unknown or the image gives no single answer."""
    pixels = np.asarray(image.convert("RGB"))
    if match := re.fullmatch(NINTH, question):
        return ninth(pixels, match["color"], match["figure"], match["options"].split(", "))
    for pattern, solve in COUNTERS.items():
        if match := re.fullmatch(pattern, question):
            return solve(find_disks(pixels), image.size, *match.groups())
    for pattern, solve in SOLVERS.items():
        if match := re.fullmatch(pattern, question):
            return solve(find_shapes(pixels), image.size, *match.groups())
    raise ValueError(f"no pattern for the question {question!r}")


def only(found: list[Shape]) -> Shape:
    """Return the one shape of a list."""
    if len(found) != 1:
        raise ValueError(f"one shape was looked for, not {found}")
    return found[0]


def box(shapes: list[Shape], color: str) -> Shape:
    return only([shape for shape in shapes if shape.hollow and shape.color == color])


def relate(shapes: list[Shape], size: tuple[int, int], a: str, b: str, *options: str) -> str:
    (ax, ay), (bx, by) = box(shapes, a).center, box(shapes, b).center
    beside, stacked = "left" if ax < bx else "right", "above" if ay < by else "below"
    if options:
        return only_one({beside, stacked} & set(options))
    return beside if abs(ax - bx) > abs(ay - by) else stacked


def only_one(found: set[str]) -> str:
    if len(found) != 1:
        raise ValueError(f"one answer was looked for, not {found}")
    return found.pop()


def judge(shapes: list[Shape], size: tuple[int, int], a: str, stated: str, b: str) -> str:
    opposite = {"above": "below", "below": "above", "left": "right", "right": "left"}[stated]
    return str(relate(shapes, size, a, b, stated, opposite) == stated)


def locate(shapes: list[Shape], size: tuple[int, int], color: str) -> str:
    (x, y), (width, height) = box(shapes, color).center, size
    return f"({x / width:.2f}, {y / height:.2f})"


def locate_briefly(shapes: list[Shape], size: tuple[int, int], color: str) -> str:
    x, y = (float(part) for part in locate(shapes, size, color).strip("()").split(", "))
    return f"[{x}, {y}]"


def count(disks: list[str], size: tuple[int, int], color: str) -> str:
    return str(disks.count(color))


def count_by_option(disks: list[str], size: tuple[int, int], color: str, *options: str) -> str:
    return "ABC"[options.index(count(disks, size, color))]


def nearest(shapes: list[Shape], size: tuple[int, int], target: str, *options: str) -> str:
    by_letter = lettered(shapes)
    return min(options, key=lambda option: np.hypot(*np.subtract(by_letter[option].center, by_letter[target].center)))


def same_color(shapes: list[Shape], size: tuple[int, int], target: str) -> str:
    by_letter = lettered(shapes)
    color = by_letter.pop(target).color
    return str(only([shape for shape in by_letter.values() if shape.color == color]).letter)


def lettered(shapes: list[Shape]) -> dict[str, Shape]:
    found = [shape for shape in shapes if not shape.hollow]
    if sorted(str(shape.letter) for shape in found) != ["A", "B", "C", "D"]:
        raise ValueError(f"not one circle for each of four letters: {shapes}")
    return {str(shape.letter): shape for shape in found}


NINTH = (
    r"Answer with as few words as possible\. Where is the (?P<color>\w+) (?P<figure>\w+)\? "
    r"Choose from \[(?P<options>[a-z, ]+)\]\."
)
LIGHT = {
    "red": "100", "green": "010", "blue": "001", "cyan": "011", "magenta": "101", "yellow": "110", "white": "111",
}  # fmt: skip


def ninth(pixels: np.ndarray, color: str, figure: str, options: list[str]) -> str:
    """Return in which ninth of an image with a black ground the one figure of this color and form lies."""
    labels, _ = ndimage.label(pixels.max(axis=2) > 0, structure=np.ones((3, 3)))
    centers = []
    for rows, columns in ndimage.find_objects(labels):
        patch = pixels[rows, columns]
        light = "".join("01"[int(channel > 127)] for channel in patch.max(axis=(0, 1)))
        if light == LIGHT[color] and form(patch.max(axis=2) / 255) == figure:
            centers.append(((columns.start + columns.stop) / 2, (rows.start + rows.stop) / 2))
    if len(centers) != 1:
        raise ValueError(f"not one {color} {figure}: {centers}")
    (x, y), (height, width) = centers[0], pixels.shape[:2]
    row, column = ("top", "center", "bottom")[int(3 * y / height)], ("left", "center", "right")[int(3 * x / width)]
    found = "center" if row == column else f"{row} {column}"
    if sorted(options) != sorted(set(options)) or found not in options:
        raise ValueError(f"{found} is not one of {options}")
    return found


LETTER = r"(?: Answer with the letter directly\.)?"
SOLVERS: dict[str, Callable[..., str]] = {
    r"Where is the (\w+) box relative to the (\w+) box\?": relate,
    r"Where is the (\w+) box relative to the (\w+) box\? Answer with (\w+) or (\w+)\.": relate,
    r"Based on the image, is this statement True or False\? The (\w+) box is (?:to the )?(above|below|left|right)"
    r"(?: of)? the (\w+) box\.(?: Answer with True or False directly\.)?": judge,
    r"Considering the relative positions of the (\w+) box and the (\w+) box in the image provided, where is the \1 box "
    r"located with respect to the \2 box\? Select from the following choices\. \(A\) (\w+) \(B\) (\w+)": relate,
    r"What are the normalized coordinates of the center of the (\w+) box\?": locate_briefly,
    r"What are the coordinates of the center of the (\w+) box\? Answer as \(x, y\) with two decimals, from \(0\.00, "
    r"0\.00\) at the top left to \(1\.00, 1\.00\) at the bottom right of the image\.": locate,
    r"There are four colored circles labeled A, B, C, D in this image\. "
    r"Which one is closest to ([A-D]): ([A-D]), ([A-D]), or ([A-D])\?" + LETTER: nearest,
    r"What is the letter of the circle that has the same color as the circle with a ([A-D]) in it\?"
    + LETTER: same_color,
}
COUNTERS: dict[str, Callable[..., str]] = {
    r"How many (\w+) overlay circles are there\?(?: Answer with the number directly)?": count,
    r"How many (\w+) overlay circles are there\? \(A\) (\d+) \(B\) (\d+) \(C\) (\d+) "
    r"Answer with the option's letter from the given choices directly": count_by_option,
    r"There are several colored overlaid circles in this image\. How many (\w+) circles are there\?\n"
    r"A\. (\d+)\nB\. (\d+)\nC\. (\d+)\nAnswer with the letter from the correct option directly\.": count_by_option,
}
