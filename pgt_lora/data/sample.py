"""Sample, the one record that passes between the layers, and its form as a row of a dataset."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.data.turns import IMAGE, Form, Part, Role, Turn


class AnswerFormat(StrEnum):
    """What an answer is, which says how it is read and compared."""

    WORD = "word"
    LETTER = "letter"
    NUMBER = "number"
    TRUE_FALSE = "true_false"
    POINT = "point"
    TEXT = "text"  # free text: equal but for case, markup, articles, punctuation and the spelling of numbers


def parse_point(answer: str) -> tuple[float, float] | None:
    """Return the coordinates in `(0.25, 0.75)` or `[0.25, 0.75]`; None where the text is no point of the image."""
    match = re.fullmatch(r"[(\[](\d(?:\.\d+)?), (\d(?:\.\d+)?)[)\]]", answer)
    if match is None:
        return None
    x, y = float(match[1]), float(match[2])
    return (x, y) if x <= 1 and y <= 1 else None


@dataclass(frozen=True)
class Sample:
    """A question about images with its answer, alone or at the end of a conversation.

    A `question` that is a text stands behind the images; otherwise its parts say where they stand. `history` holds the
    turns before it, behind a system turn where there is one; the images that they show are the first of `images`.

    `choices` are the answers that the question's wording leaves possible (chance is one over their number), or None
    where they are no finite set. `group` names the underlying image: splits never cut through a group. `scene` is the
    JSON of the primitives (PGT only). `images` are encoded image files; `paths` say where in their datasets they lie.
    `completion` is what the model is to write where that is spelled otherwise than the answer that is scored ("A.", A).

    Raises:
        InputError: the answer is a word without choices, which nothing can be read as; or there are more images than
            places for them, or fewer.
    """

    id: str
    images: tuple[bytes, ...]
    question: str | tuple[Part, ...]
    answer: str
    source: str
    task: str
    template: str
    answer_format: str
    group: str
    choices: tuple[str, ...] | None = None
    scene: str | None = None
    paths: tuple[str | None, ...] | None = None
    completion: str | None = None
    history: tuple[Turn, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what could never be scored or shown."""
        if self.answer_format == AnswerFormat.WORD and not self.choices:
            raise InputError(
                f"row {self.id}: a word as its answer, but no choices to read it by; give the row `choices`, or the "
                f"answer format {AnswerFormat.TEXT.value!r}"
            )

        if (places := sum(turn.num_images for turn in self.turns)) != len(self.images):
            raise InputError(
                f"row {self.id}: {len(self.images)} images, but {places} places for them; put a placeholder where each "
                "image stands"
            )

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The whole conversation, the answer last."""
        parts = self.question
        if isinstance(parts, str):
            shown = sum(turn.num_images for turn in self.history)
            parts = (*(IMAGE,) * (len(self.images) - shown), parts)
        return *self.history, Turn(Role.USER, parts), Turn(Role.ASSISTANT, (self.completion or self.answer,))

    @property
    def form(self) -> Form:
        """The narrowest form of rows that holds it."""
        single = self.images and not self.history and isinstance(self.question, str)
        return Form.QUESTIONS if single else Form.CONVERSATIONS

    def to_row(self, form: Form = Form.QUESTIONS) -> dict[str, Any]:
        """Return the sample as a row in a format of TRL's with an `images` column.

        Raises:
            InputError: it is more than one question behind its images, and `form` holds nothing else.
        """
        if form == Form.CONVERSATIONS:
            said: dict[str, Any] = {"messages": [turn.to_message() for turn in self.turns]}
        elif self.form == Form.QUESTIONS:
            said = {
                "prompt": [{"role": "user", "content": self.question}],
                "completion": [{"role": "assistant", "content": self.completion or self.answer}],
            }
        else:
            raise InputError(f"row {self.id}: a conversation, among single questions; write it as {Form.CONVERSATIONS}")
        paths = self.paths or (None,) * len(self.images)
        return {
            "id": self.id,
            "images": [{"bytes": data, "path": path} for data, path in zip(self.images, paths, strict=True)],
            **said,
            "source": self.source,
            "task": self.task,
            "template": self.template,
            "answer": self.answer,
            "choices": None if self.choices is None else list(self.choices),
            "answer_format": self.answer_format,
            "group": self.group,
            "scene": self.scene,
        }
