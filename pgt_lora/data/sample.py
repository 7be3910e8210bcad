"""Sample, the one record that passes between the rooms, and its form as a row of a dataset."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pgt_lora.core.errors import InputError


class AnswerFormat(StrEnum):
    """What an answer is, which says how it is read and compared."""

    WORD = "word"
    LETTER = "letter"
    NUMBER = "number"
    TRUE_FALSE = "true_false"
    POINT = "point"
    TEXT = "text"  # free text: equal but for case, spaces, markup and the punctuation around it


def parse_point(answer: str) -> tuple[float, float] | None:
    """Return the coordinates in `(0.25, 0.75)` or `[0.25, 0.75]`; None where the text is no point of the image."""
    match = re.fullmatch(r"[(\[](\d(?:\.\d+)?), (\d(?:\.\d+)?)[)\]]", answer)
    if match is None:
        return None
    x, y = float(match[1]), float(match[2])
    return (x, y) if x <= 1 and y <= 1 else None


@dataclass(frozen=True)
class Sample:
    """One image with one question and its answer.

    `choices` are the answers that the question's wording leaves possible (chance is one over their number), or None
    where they are no finite set. `group` names the underlying image: splits never cut through a group. `scene` is the
    JSON of the primitives (PGT only). `images` are encoded image files; `paths` say where in their datasets they lie.
    `completion` is what the model is to write where that is spelt otherwise than the answer that is scored ("A.", A).

    Raises:
        InputError: the answer is a word without choices, which nothing can be read as.
    """

    id: str
    images: tuple[bytes, ...]
    question: str
    answer: str
    source: str
    task: str
    template: str
    answer_format: str
    group: str
    choices: tuple[str, ...] | None = None
    scene: str | None = None
    paths: tuple[str, ...] | None = None
    completion: str | None = None

    def __post_init__(self) -> None:
        """Refuse what could never be scored."""
        if self.answer_format == AnswerFormat.WORD and not self.choices:
            raise InputError(
                f"row {self.id}: a word as its answer, but no choices to read it by; give the row `choices`, or the "
                f"answer format {AnswerFormat.TEXT.value!r}"
            )

    def to_row(self) -> dict[str, Any]:
        """Return the sample as a row in TRL's conversational prompt-completion format with an `images` column."""
        paths = self.paths or (None,) * len(self.images)
        return {
            "id": self.id,
            "images": [{"bytes": data, "path": path} for data, path in zip(self.images, paths, strict=True)],
            "prompt": [{"role": "user", "content": self.question}],
            "completion": [{"role": "assistant", "content": self.completion or self.answer}],
            "source": self.source,
            "task": self.task,
            "template": self.template,
            "answer": self.answer,
            "choices": None if self.choices is None else list(self.choices),
            "answer_format": self.answer_format,
            "group": self.group,
            "scene": self.scene,
        }
