"""The small models' drawn things on photographs, asked about as PGT asks about boxes and circles."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from pgt_lora.core.errors import InputError
from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.streams import stream
from pgt_lora.core.terminal import track
from pgt_lora.core.workspace import data_directory
from pgt_lora.data.directory import is_made, write_manifest, write_samples
from pgt_lora.data.images import png
from pgt_lora.data.sample import Sample
from pgt_lora.data.scene import Canvas
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.data.tasks.task import Question, TaskSettings
from pgt_lora.studies.compare.transfer.arrange import TASKS
from pgt_lora.studies.compare.transfer.grounds import (
    GROUND_TRIES,
    PHOTOGRAPHS,
    Grounds,
    Laid,
    Tally,
    group_of,
    lay_named,
)
from pgt_lora.studies.compare.transfer.photographs import ALL
from pgt_lora.tiny.picture import Thing
from pgt_lora.tiny.things import NAMES, draw_thing

MAX_TRIES = 500


@dataclass(frozen=True)
class Arrangement:
    """A question with the things that it is about, and the ground under them."""

    task: str
    question: Question
    things: Sequence[Thing]
    ground: Laid


def things_on_photographs(recipe: Recipe) -> Path:
    """Return the directory of things on the photographs for testing, made where it is not there yet.

    Raises:
        InputError: a photograph is not installed, or the canvas has no room for things.
    """
    canvas, number, grounds = Canvas.parse(recipe.kit.canvas), recipe.kit.num_test_samples, PHOTOGRAPHS["test"]
    path = data_directory(f"pgt-things-on-photographs-{canvas}-{number}")
    asked = {
        "num_samples": number, "seed": 0, "tasks": list(TASKS), "things": list(NAMES), "canvas": str(canvas),
        "over": grounds.made_of,
    }  # fmt: skip
    if not is_made(path, asked):
        tally = Tally()
        with new_directory(path, overwrite=True) as directory:
            made = write_samples(directory, track(_samples(number, canvas, grounds, tally), number, "Drawing things"))
            write_manifest(directory, asked, made | tally.facts() | grounds.sources("things", number))
    return path


def _samples(number: int, canvas: Canvas, grounds: Grounds, tally: Tally) -> Iterator[Sample]:
    for index in range(number):
        arranged = arrange(index, canvas, grounds)
        tally.count(arranged.task, arranged.ground)
        yield to_sample(f"things-{index:06d}", arranged)


def to_sample(name: str, arranged: Arrangement, scene: str | None = None) -> Sample:
    """Draw things on their ground and return the picture with its question."""
    question = arranged.question
    return Sample(
        id=name,
        images=(png(draw(arranged)),),
        question=question.text,
        answer=question.answer,
        source="things",
        task=arranged.task,
        template=question.template,
        answer_format=question.answer_format,
        group=group_of(arranged.ground),
        choices=question.choices,
        scene=scene,
    )


def arrange(index: int, canvas: Canvas, grounds: Grounds) -> Arrangement:
    """Return the question, the things and the ground of one sample; tasks take turns, and so do the photographs.

    Raises:
        InputError: the canvas has no room for the things.
    """
    task = list(TASKS)[index % len(TASKS)]
    rng, settings = stream(0, "transfer", "things", index), TaskSettings(canvas)
    plan, place = TASKS[task]
    name = grounds.names[index // len(TASKS) % len(grounds.names)]
    question = plan(rng, settings, ALL[name].shows)
    rejected: tuple[str, ...] = ()
    for _ in range(MAX_TRIES):
        if not (things := place(rng, settings, question)):
            continue
        if ground := lay_named(rng, grounds, name, canvas, things):
            return Arrangement(task, question, things, replace(ground, rejected=rejected + ground.rejected))
        rejected += (name,) * GROUND_TRIES  # other things, of other colors, may be certain on it
    raise InputError(f"things: no room for {question.text!r} on a {canvas} canvas; take a larger one or a square")


def draw(arranged: Arrangement) -> Image.Image:
    """Return the image of an arrangement."""
    image = Image.fromarray(arranged.ground.pixels)
    for thing in arranged.things:
        box = thing.box
        drawn = draw_thing(
            thing.name, COLORS[thing.color], box.right - box.left + 1, box.bottom - box.top + 1, thing.seed
        )
        image.paste(drawn, (box.left, box.top), drawn)
    return image
