"""How long samples take to make, and how long their images alone take to draw and encode."""

import time
from collections.abc import Sequence
from functools import partial

from pgt_lora.data.generate import make_sample
from pgt_lora.data.images import png
from pgt_lora.data.scene import Canvas, Scene, render
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.data.weights import parse_weights


def generation_seconds(canvas: str, num_samples: int, repeats: int) -> tuple[Sequence[float], Sequence[float]]:
    """Return the seconds of making samples, and of drawing and encoding the same images alone, by turns."""
    make = partial(
        make_sample,
        seed=0,
        split="train",
        weights=parse_weights("families"),
        settings=TaskSettings(Canvas.parse(canvas)),
    )
    scenes = [Scene.from_json(make(index)[0].scene or "") for index in range(num_samples)]  # and everything is loaded
    making, drawing = [], []
    for _ in range(repeats):
        began = time.perf_counter()
        for index in range(num_samples):
            make(index)
        between = time.perf_counter()
        for scene in scenes:
            png(render(scene))
        making.append(between - began)
        drawing.append(time.perf_counter() - between)
    return making, drawing
