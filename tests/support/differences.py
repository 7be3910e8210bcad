"""An oracle for grounds of any kind: what differs from the ground is what is drawn, and is put on gray to be judged.

It answers with `oracle.answer`. Of things it asks where the picture changes when one is left out.
"""

import re
from dataclasses import replace

import numpy as np
from PIL import Image
from scipy import ndimage

from pgt_lora.studies.compare.transfer.things import Arrangement, draw
from tests.support import oracle

Place = tuple[float, float]
OPPOSITE = {"above": "below", "below": "above", "left": "right", "right": "left"}


def answer(image: Image.Image, ground: np.ndarray, question: str) -> str:
    """Return the answer to a PGT question about an image on a known ground."""
    pixels = np.asarray(image.convert("RGB"))
    is_drawn = (pixels != ground).any(axis=2)
    on_gray = np.where(is_drawn[..., None], pixels, 128).astype(np.uint8)
    if question.startswith(("How many", "There are several")):
        on_gray = flattened(on_gray, is_drawn)
    return oracle.answer(Image.fromarray(on_gray), question)


def flattened(pixels: np.ndarray, is_drawn: np.ndarray) -> np.ndarray:
    """Give each connected patch the one color that is its median: circles let the ground through."""
    flat = pixels.copy()
    labels, number = ndimage.label(is_drawn)
    for patch in range(1, number + 1):
        flat[labels == patch] = np.median(pixels[labels == patch], axis=0)
    return flat


def places(arranged: Arrangement) -> list[tuple[str, Place]]:
    """Return the name of each thing, and the middle of what changes when it is left out."""
    whole, found = np.asarray(draw(arranged)), []
    for index, thing in enumerate(arranged.things):
        others = [each for place, each in enumerate(arranged.things) if place != index]
        changed = (np.asarray(draw(replace(arranged, things=others))) != whole).any(axis=2)
        rows, columns = np.nonzero(changed)
        middle = (columns.min() + columns.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2
        found.append((thing.name, middle))
    return found


def answer_about_things(things: list[tuple[str, Place]], question: str) -> str:
    """Return the answer from names and places alone."""
    if match := re.match(r"How many (\w+) are there\?|There are several .* How many (\w+) are there\?", question):
        name = match[1] or match[2]
        number = sum(name in (each, f"{each}s", each.replace("f", "ves")) or (name, each) == ("leaves", "leaf")
                     for each, _ in things)  # fmt: skip
        options = re.findall(r"(?:\(?([ABC])[).]) (\d+)", question)
        return next(letter for letter, option in options if int(option) == number) if options else str(number)
    by_name = dict(things)
    if match := re.search(r"closest to the (\w+)", question):
        (x, y), asked = by_name[match[1]], match[1]
        others = [name for name in by_name if name != asked]
        nearest = min(others, key=lambda name: np.hypot(by_name[name][0] - x, by_name[name][1] - y))
        lettered = {name: letter for letter, name in re.findall(r"\(([ABC])\) (\w+)", question)}
        return lettered.get(nearest, nearest)
    return relation(by_name, question)


def relation(by_name: dict[str, Place], question: str) -> str:
    """Return where one thing lies to another, or whether what is stated of that is true."""
    if match := re.search(r"The (\w+) is (?:to the )?(above|below|left|right)(?: of)? the (\w+)\.", question):
        first, stated, second = match.groups()
        return str(relate(by_name[first], by_name[second], {stated, OPPOSITE[stated]}) == stated)
    pattern = r"Where is the (\w+) relative to the (\w+)\?|relative positions of the (\w+) and the (\w+) in"
    first, second = (name for name in re.search(pattern, question).groups() if name)  # type: ignore[union-attr]
    options = set(re.findall(r"\b(above|below|left|right)\b", question.partition("?")[2]))
    return relate(by_name[first], by_name[second], options)


def relate(first: Place, second: Place, options: set[str]) -> str:
    """Return the relation among two options; of the longer axis where there are none."""
    across, down = first[0] - second[0], first[1] - second[1]
    is_across = bool(options & {"left", "right"}) if options else abs(across) > abs(down)
    return ("right" if across > 0 else "left") if is_across else ("below" if down > 0 else "above")
