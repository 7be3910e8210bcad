"""The pictures of docs/overlay.md; python -m tests.support.overlay_pictures docs draws them."""

import sys
from pathlib import Path
from random import Random

from PIL import Image

from pgt_lora.core.streams import stream
from pgt_lora.data.overlay.draw import Outcome, overlay
from pgt_lora.data.overlay.plan import Asked, settings_for
from pgt_lora.data.references import JPEG_QUALITY
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks import analogy, coordinates, counting, relation
from pgt_lora.studies.compare.transfer.photographs import opened

SIZE = (400, 300)
SURFACE = (185, 35, 30)  # on which a red box is faint


def questions(rng: Random) -> dict[str, tuple[Image.Image, list[Asked]]]:
    """Return what is drawn over and what is asked, by the file's name."""
    surface = Image.new("RGB", SIZE, SURFACE)
    settings = settings_for(Canvas(*SIZE), Canvas(*SIZE))
    three = [
        Asked(relation.TASK, relation.ask("A", "cyan", "purple", "left", ("left", "right"))),
        Asked(coordinates.TASK, coordinates.ask("yellow", "blue", (20, 18), "A")),
        Asked(analogy.TASK, analogy.TASK.plan(rng, settings)),
    ]
    return {
        "three": (_photograph("coffee"), three),
        "counting": (_photograph("cat"), [Asked(counting.TASK, counting.ask("blue", 4, 9))]),
        "casing": (surface, [Asked(relation.TASK, relation.ask("A", "red", "blue", "left", ("left", "right")))]),
    }


def _photograph(name: str) -> Image.Image:
    return opened(name).resize(SIZE, Image.Resampling.LANCZOS)


def main(folder: Path) -> None:
    """Write a JPEG file of each, and print what was asked and how it was drawn."""
    for name, (photograph, asked) in questions(stream(16, "questions")).items():
        settings = settings_for(Canvas(*SIZE), Canvas(*SIZE))
        result = overlay(stream(16, name), photograph, asked, settings)
        if isinstance(result, Outcome):
            raise SystemExit(f"{name}: {result}")
        result.picture.save(folder / f"overlay-{name}.jpg", quality=JPEG_QUALITY, subsampling=0)
        print(name, result.outcome.value, [(each.question.text, each.question.answer) for each in asked])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
