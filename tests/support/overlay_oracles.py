"""What oracles say of overlays; python -m tests.support.overlay_oracles 50 prints the table of docs/overlay.md.

A second argument is a folder of JPEG photographs to draw over in the place of those that come with packages.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from pgt_lora.core.streams import stream
from pgt_lora.data.images import decode
from pgt_lora.data.overlay.draw import Outcome
from pgt_lora.data.overlay.plan import Asked
from pgt_lora.data.references import encoded
from tests.support import alone, overlaid
from tests.support.overlay_figures import TASKS, Item, drawn_over, items

BEFORE, AFTER, ALONE = "before JPEG", "after JPEG", "the picture alone"
TOLERANCE = 0.01  # of a coordinate, of which JPEG can move the border of a box by a pixel


def as_jpeg(picture: Image.Image) -> Image.Image:
    """Return a picture as it is read from the file that the kit writes."""
    return decode({"bytes": encoded(picture, b"")}, "an overlaid picture")


def difference_oracle(photograph: Image.Image, picture: Image.Image, noise: int = 0) -> Callable[[str], str]:
    """Return what answers questions about a picture by what differs in it; JPEG changes pixels by up to `noise`."""
    found = overlaid.patches(photograph, picture, noise)
    return lambda question: overlaid.answer_about(found, picture.size, question)


def agree(answer: str, asked: Asked) -> bool:
    """Tell whether an answer is that of a question; a point may lie a hundredth beside it."""
    if asked.question.answer_format != "point":
        return answer == asked.question.answer
    here, there = (text.strip("[]()").split(", ") for text in (answer, asked.question.answer))
    return all(abs(float(a) - float(b)) < TOLERANCE + 1e-9 for a, b in zip(here, there, strict=True))


def verdict(oracle: Callable[[str], str], asked: Asked) -> str:
    """Return how an oracle's answer stands to the planned one."""
    try:
        return "agrees" if agree(oracle(asked.question.text), asked) else "differs"
    except ValueError:
        return "in doubt"


def in_folder(folder: Path, task: str, num: int) -> Iterator[Item]:
    """Yield photographs of a folder with a question, and what became of them."""
    files = sorted(folder.glob("*.jpg"))
    for index in range(num):
        yield from drawn_over(
            stream(13, "overlay-oracle", task, index), files[index % len(files)].read_bytes(), [task], 1
        )


def main(num: int, folder: Path | None = None) -> None:
    """Print how often each oracle agrees, by task."""
    for task in TASKS:
        verdicts: dict[str, Counter[str]] = {name: Counter() for name in (BEFORE, AFTER, ALONE)}
        for photograph, asked, result in in_folder(folder, task, num) if folder else items((task,), num, (80, 640)):
            if isinstance(result, Outcome):
                continue
            jpeg = as_jpeg(result.picture)
            oracles = {
                BEFORE: difference_oracle(photograph, result.picture),
                AFTER: difference_oracle(photograph, jpeg, overlaid.JPEG_NOISE),
                ALONE: lambda question, jpeg=jpeg: alone.answer(jpeg, question),
            }
            for name, oracle in oracles.items():
                verdicts[name].update(verdict(oracle, each) for each in asked)
        print(task, {name: dict(counts) for name, counts in verdicts.items()}, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), *map(Path, sys.argv[2:]))
