"""What primitives cover; python -m tests.support.overlay_covered COCO.json ... prints the table of docs/overlay.md.

The files are annotations in the form of COCO: `images` with their sizes, `annotations` with their boxes. Where
primitives lie depends on a size alone, but for those that a photograph sends to another place.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from pgt_lora.core.streams import stream
from pgt_lora.data.overlay.arrange import arrange
from pgt_lora.data.overlay.plan import plan, possible_tasks, settings_for, within_long_side
from pgt_lora.data.scene import Canvas, Scene
from pgt_lora.data.scene.render import outline_width
from pgt_lora.data.tasks.layout import extent
from tests.support.overlay_figures import TASKS

DRAWS = 3  # scenes of each task for each size
SMALL = 32.0**2  # COCO's small objects: the area of their boxes in pixels


def covered(scene: Scene) -> np.ndarray:
    """Return which pixels primitives hide, (height, width): an outline hides nothing of its middle."""
    canvas, hidden = scene.canvas, np.zeros((scene.canvas.height, scene.canvas.width), bool)
    width = outline_width(canvas)
    for box in scene.boxes:
        left, top, right, bottom = extent(box)
        inner = hidden[top + width : bottom - width, left + width : right - width].copy()
        hidden[top:bottom, left:right] = True
        hidden[top + width : bottom - width, left + width : right - width] = inner
    y, x = np.ogrid[: canvas.height, : canvas.width]
    for circle in scene.circles:
        hidden |= (x + 0.5 - circle.x) ** 2 + (y + 0.5 - circle.y) ** 2 <= circle.radius**2
    return hidden


def shares(hidden: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return which part of each box (left, top, width, height) is hidden."""
    parts = []
    for left, top, width, height in boxes:
        part = hidden[
            int(top) : max(int(top) + 1, round(top + height)), int(left) : max(int(left) + 1, round(left + width))
        ]
        parts.append(part.mean() if part.size else 0.0)
    return np.array(parts)


def main(files: list[Path]) -> None:
    """Print by task and number of questions: what part of an image is covered, and how many boxes are by half."""
    images, boxes = {}, defaultdict(list)
    for read in (json.loads(file.read_text()) for file in files):
        images |= {each["id"]: Canvas(each["width"], each["height"]) for each in read["images"]}
        for each in read["annotations"]:
            boxes[each["image_id"]].append(each["bbox"])
    print(f"{len(images)} images, {sum(map(len, boxes.values()))} boxes")
    for name, possible, number in [*((task, (task,), 1) for task in TASKS), ("two", TASKS, 2), ("three", TASKS, 3)]:
        areas, parts, sizes = [], [], []
        for image, canvas in images.items():
            seen = within_long_side(canvas)
            settings = settings_for(canvas, seen)
            for draw in range(DRAWS):
                rng = stream(14, "covered", name, image, draw)
                asked = plan(rng, settings, [each for each in possible if each in possible_tasks(seen)], number)
                arranged = arrange(rng, asked, settings) if asked else None
                if arranged is None:
                    continue
                hidden = covered(arranged.scene)
                areas.append(hidden.mean())
                parts.append(shares(hidden, np.array(boxes[image]).reshape(-1, 4)))
                sizes += [width * height for *_, width, height in boxes[image]]
        part, is_small = np.concatenate(parts), np.array(sizes) < SMALL
        print(
            f"{name}: of the image {np.median(areas):.1%}, 95th percentile {np.percentile(areas, 95):.1%}; boxes "
            f"covered by half {(part > 0.5).mean():.2%}, of small ones {(part[is_small] > 0.5).mean():.2%}, of others "
            f"{(part[~is_small] > 0.5).mean():.2%}",
            flush=True,
        )


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
