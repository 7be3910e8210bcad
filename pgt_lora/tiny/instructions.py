"""A small instruction dataset: questions about drawn things, in the place of one about photographs.

Nothing on its pictures is a primitive of PGT. So what is drawn over them is all that a question of PGT can mean.
"""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.streams import stream
from pgt_lora.core.terminal import track
from pgt_lora.core.workspace import data_directory
from pgt_lora.data.directory import is_made, write_manifest, write_samples
from pgt_lora.data.sample import Sample
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.tiny.lessons import Lesson, phrase
from pgt_lora.tiny.picture import Picture
from pgt_lora.tiny.place_questions import color_at, color_to_thing, thing_at, thing_present, thing_to_color
from pgt_lora.tiny.scenes import objects
from pgt_lora.tiny.skills import lesson_sample
from pgt_lora.tiny.things import NAMES

QUESTIONS: dict[str, tuple[Lesson, str, tuple[str, ...]]] = {
    "color at a place": (color_at, "word", tuple(COLORS)),
    "color of a thing": (thing_to_color, "word", tuple(COLORS)),
    "thing at a place": (thing_at, "word", NAMES),
    "thing of a color": (color_to_thing, "word", NAMES),
    "thing present": (thing_present, "true_false", ("True", "False")),
}


def instruction_data(split: str, num_samples: int) -> Path:
    """Return the dataset directory of questions about drawn things, made where it is not there yet.

    `train` and `test` share no picture, and the first samples of a larger number are those of a smaller one.
    """
    path = data_directory(f"pgt-tiny-instructions-{split}-{num_samples}")
    asked = {"num_samples": num_samples, "seed": 0, "split": split, "source": "tiny-instructions"}
    if not is_made(path, asked):
        with new_directory(path, overwrite=True) as directory:
            samples = track(instruction_samples(num_samples, split), num_samples, "Drawing things")
            write_manifest(directory, asked, write_samples(directory, samples))
    return path


def instruction_samples(num_samples: int, split: str) -> Iterator[Sample]:
    """Yield samples of the questions, one kind after the other in turn."""
    for index in range(num_samples):
        task, (lesson, answer_format, choices) = list(QUESTIONS.items())[index % len(QUESTIONS)]
        rng = stream(0, "tiny-instructions", split, index)
        turn = None
        while turn is None:
            picture = draw_things(rng)
            turn = lesson(rng, picture)
        name = f"instruction-{split}-{index:06d}"
        yield lesson_sample(name, task, picture, phrase(rng, turn), answer_format, choices)


def draw_things(rng: Random) -> Picture:
    """Draw a picture of things alone."""
    while (picture := objects(rng)).boxes or picture.circles or not picture.things:
        pass
    return picture
