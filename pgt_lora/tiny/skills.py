"""The skills that pre-training taught, as a held-out dataset: what fine-tuning must not unlearn.

They play the part that general benchmarks play for a published checkpoint.
"""

import io
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.streams import stream
from pgt_lora.core.workspace import data_directory
from pgt_lora.data.directory import is_made, write_manifest, write_samples
from pgt_lora.data.sample import Sample
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.tiny.drawing import paint
from pgt_lora.tiny.lessons import Lesson, draw_scene, phrase
from pgt_lora.tiny.letter_questions import color_to_letter, letter_to_color
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


def skill_samples(num_samples: int, seed: int = 0) -> Iterator[Sample]:
    """Yield held-out samples of the skills, one skill after the other in turn."""
    for index in range(num_samples):
        name, (lesson, answer_format, choices) = list(SKILLS.items())[index % len(SKILLS)]
        rng = stream(seed, "tiny-test", index)
        turn = None
        while turn is None:
            picture = draw_scene(rng)
            turn = lesson(rng, picture)
        question, answer = phrase(rng, turn)
        file = io.BytesIO()
        Image.fromarray(paint(picture)).save(file, "PNG", compress_level=1)
        yield Sample(
            id=f"skill-test-{seed}-{index:06d}",
            images=(file.getvalue(),),
            question=question,
            answer=answer,
            source="tiny-lessons",
            task=name,
            template="A",
            answer_format=answer_format,
            group=f"skill-test-{seed}-{index:06d}",
            choices=choices or (("left", "right") if answer in ("left", "right") else ("above", "below")),
            scene=picture.scene.to_json(),
        )


def skill_data() -> Path:
    """Return the dataset directory of the small models' skills, made where it is not there yet."""
    path = data_directory("pgt-tiny-skills")
    asked = {
        "num_samples": NUM_SKILL_SAMPLES,
        "seed": 0,
        "split": "test",
        "source": "tiny-lessons",
        "grounds": "varied",
    }
    if not is_made(path, asked):
        with new_directory(path, overwrite=True) as directory:
            made = write_samples(directory, skill_samples(NUM_SKILL_SAMPLES))
            write_manifest(directory, asked, made)
    return path
