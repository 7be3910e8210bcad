"""Conversations of every kind: turns of text alone, several images in place, a system turn, and no image at all."""

import io
from pathlib import Path
from typing import Any

from PIL import Image

from pgt_lora.data.directory import write_manifest, write_samples
from pgt_lora.data.sample import Sample
from pgt_lora.data.turns import IMAGE, Form, Part, Role, Turn


def png(color: str, size: tuple[int, int] = (112, 112)) -> bytes:
    """Return a PNG file of one color."""
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, "PNG")
    return file.getvalue()


def asked(*parts: Part) -> Turn:
    return Turn(Role.USER, parts)


def said(text: str) -> Turn:
    return Turn(Role.ASSISTANT, (text,))


def sample(name: str, question: str | tuple[Part, ...], answer: str, **fields: Any) -> Sample:
    facts = {"images": (), "source": "own", "task": "talk", "template": "A", "answer_format": "text", "group": name}
    return Sample(id=name, question=question, answer=answer, **(facts | fields))


def conversations(system: bool = True) -> list[Sample]:
    """Return conversations of unequal length; one begins with a system turn, unless `system` is false."""
    rules = (Turn(Role.SYSTEM, ("Answer in one word.",)),) if system else ()
    return [
        sample("single", "Which color is it?", "red", images=(png("red"),)),
        sample(
            "two", "And which color is it?", "blue", images=(png("blue"),),
            history=(asked(IMAGE, "What is this?"), said("A square.")),
        ),
        sample(
            "places", ("Which of ", IMAGE, " and ", IMAGE, " is larger?"), "the first", task="compare",
            images=(png("red"), png("green", (112, 230)), png("blue")),
            history=(*rules, asked("Is it red? ", IMAGE), said("Yes"), asked("Sure?"), said("Quite sure, yes.")),
        ),
        sample("text", "What is two and two?", "4", task="text"),
        sample("texts", "And one more?", "5", task="text", history=(asked("What is two and two?"), said("4"))),
    ]  # fmt: skip


def unequal(num: int) -> list[Sample]:
    """Return conversations of one to four questions, with no image to three, and answers of one to seven words."""
    colors = ("red", "green", "blue", "yellow")
    samples = []
    for number in range(num):
        images = [png(colors[(number + place) % 4], (112, 112 + 28 * (number % 3))) for place in range(number % 4)]
        history = []
        for turn in range(number % 4):
            history += [
                asked(*([IMAGE] if turn < len(images) - 1 else []), f"What of {turn}?"),
                said("so " * turn + "it"),
            ]
        last = (*[IMAGE] * min(len(images), 1), f"Which color is number {number}?")
        words = " ".join([colors[number % 4]] * (1 + number % 7))
        samples.append(sample(f"talk-{number}", last, words, images=tuple(images), history=tuple(history)))
    return samples


def write_conversations(directory: Path, samples: list[Sample]) -> Path:
    """Write samples into a new dataset directory of conversations."""
    directory.mkdir(parents=True)
    write_manifest(directory, {"source": "own"}, write_samples(directory, samples, Form.CONVERSATIONS))
    return directory
