"""Overlays of the tests' photographs; python -m tests.support.overlay_figures 1000 prints what docs/overlay.md says."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random

import numpy as np
from PIL import Image

from pgt_lora.core.streams import stream
from pgt_lora.data.images import decode
from pgt_lora.data.overlay.arrange import arrange
from pgt_lora.data.overlay.certainty import measures
from pgt_lora.data.overlay.draw import Outcome, Overlaid, in_way, overlay
from pgt_lora.data.overlay.plan import Asked, plan, possible_tasks, settings_for, within_long_side
from pgt_lora.data.scene import Canvas, render
from tests.support.photographs import FILES, draw_file

TASKS = ("analogy", "coordinates", "counting", "distance", "relation")
PERCENTILES = (0, 1, 5, 50)
Item = tuple[Image.Image, tuple[Asked, ...], Overlaid | Outcome]


def items(possible: tuple[str, ...], num: int, short: tuple[int, int], number: int = 1) -> Iterator[Item]:
    """Yield photographs with questions of some of the tasks, and what became of them."""
    for index in range(num):
        rng = stream(11, "overlay-oracle", *possible, number, index)
        yield from drawn_over(rng, draw_file(rng, short, FILES[index % len(FILES)]), possible, number)


def drawn_over(rng: Random, file: bytes, possible: Sequence[str], number: int) -> Iterator[Item]:
    """Yield a photograph with questions of some of the tasks, if any can be drawn on one of its size."""
    photograph = decode({"bytes": file}, "a photograph")
    canvas = Canvas(*photograph.size)
    seen = within_long_side(canvas)
    settings = settings_for(canvas, seen)
    if asked := plan(rng, settings, [name for name in possible if name in possible_tasks(seen)], number):
        yield photograph, asked, overlay(rng, photograph, asked, settings)


def first_measures(num: int, task: str) -> np.ndarray:
    """Return medians and low percentiles of the borders at the first place, whatever they are: (primitives, 2)."""
    found = []
    for index, (photograph, asked, _) in enumerate(items((task,), num, (80, 640))):
        canvas = Canvas(*photograph.size)
        arranged = arrange(stream(12, task, index), asked, settings_for(canvas, within_long_side(canvas)))
        scene = in_way(arranged.scene, Outcome.ELSEWHERE) if arranged else None
        if scene:
            found += [(each.median, each.low) for each in measures(scene, render(scene, photograph))]
    return np.array(found)


def main(num: int) -> None:
    """Print what became of photographs by task, and the percentiles of what the rules measure before they choose."""
    for task in TASKS:
        results = [result for *_, result in items((task,), num, (80, 640))]
        outcomes = Counter(str(each if isinstance(each, Outcome) else each.outcome) for each in results)
        print(task, dict(sorted(outcomes.items())))
        for name, values in zip(("median", "low"), first_measures(num, task).T, strict=True):
            print(f"  {name} at percentiles {PERCENTILES}: {np.percentile(values, PERCENTILES).round(1)}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
