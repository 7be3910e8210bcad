"""The skills that pre-training taught, held out to tell what fine-tuning unlearns, and as lessons that prevent it.

They play the part that general benchmarks play for a published checkpoint.
"""

import math
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.streams import stream
from pgt_lora.core.workspace import data_directory
from pgt_lora.data.blend import blend
from pgt_lora.data.directory import is_made, read_manifest, write_manifest, write_samples
from pgt_lora.data.images import png
from pgt_lora.data.sample import Sample
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.tiny.drawing import paint
from pgt_lora.tiny.lessons import Lesson, draw_scene, phrase
from pgt_lora.tiny.letter_questions import color_to_letter, letter_to_color
from pgt_lora.tiny.objects import Turn
from pgt_lora.tiny.picture import Picture
from pgt_lora.tiny.place_questions import color_at, thing_at, thing_to_color
from pgt_lora.tiny.questions import present, side, total
from pgt_lora.tiny.things import NAMES

NUM_SKILL_SAMPLES = 800
LETTERS = ("A", "B", "C", "D")

SKILLS: dict[str, tuple[Lesson, str, tuple[str, ...]]] = {
    "color at a place": (color_at, "word", tuple(COLORS)),
    "presence": (present, "true_false", ("True", "False")),
    "side of the middle": (side, "word", ()),  # the question names the two choices
    "thing at a place": (thing_at, "word", NAMES),
    "color of a thing": (thing_to_color, "word", tuple(COLORS)),
    "number in all": (total, "number", tuple(str(n) for n in range(1, 10))),
    "color of a letter": (letter_to_color, "word", tuple(COLORS)),
    "letter of a color": (color_to_letter, "letter", LETTERS),
}


def skill_samples(num_samples: int, split: str = "test", seed: int = 0) -> Iterator[Sample]:
    """Yield samples of the skills, one skill after the other in turn; `train` and `test` share none."""
    for index in range(num_samples):
        skill, (lesson, answer_format, choices) = list(SKILLS.items())[index % len(SKILLS)]
        rng = stream(seed, f"tiny-{'replay' if split == 'train' else split}", index)
        turn = None
        while turn is None:
            picture = draw_scene(rng)
            turn = lesson(rng, picture)
        name = f"skill-{split}-{seed}-{index:06d}"
        question, answer = phrase(rng, turn)
        known = choices or (("left", "right") if answer in ("left", "right") else ("above", "below"))
        yield lesson_sample(name, skill, picture, (question, answer), answer_format, known)


def lesson_sample(
    name: str, task: str, picture: Picture, turn: Turn, answer_format: str, choices: tuple[str, ...]
) -> Sample:
    """Return the sample of a lesson's question and answer on a picture, which is painted."""
    return Sample(
        id=name,
        images=(png(Image.fromarray(paint(picture))),),
        question=turn[0],
        answer=turn[1],
        source="tiny-lessons",
        task=task,
        template="A",
        answer_format=answer_format,
        group=name,
        choices=choices,
        scene=picture.scene.to_json(),
    )


def skill_data(split: str = "test", num_samples: int = NUM_SKILL_SAMPLES) -> Path:
    """Return the dataset directory of the small models' skills, made where it is not there yet."""
    path = data_directory("pgt-tiny-skills" if split == "test" else f"pgt-tiny-skills-{split}-{num_samples}")
    asked = {"num_samples": num_samples, "seed": 0, "split": split, "source": "tiny-lessons", "grounds": "varied"}
    if not is_made(path, asked):
        with new_directory(path, overwrite=True) as directory:
            write_manifest(directory, asked, write_samples(directory, skill_samples(num_samples, split)))
    return path


def with_replay(recipe: Recipe, data: Path) -> Path:
    """Return training data in which a share of the samples, as a recipe says, are lessons of the pre-training."""
    share, num_samples = recipe.kit.replay, read_manifest(data)["num_samples"]
    if not share:
        return data
    return blend(data, skill_data("train", math.ceil(share * num_samples)), share, num_samples)
