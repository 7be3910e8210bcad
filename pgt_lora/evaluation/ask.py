"""Questions about a person's own images, encoded and answered exactly as evaluation does."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.data.images import check_files
from pgt_lora.data.turns import IMAGE, Role, Turn
from pgt_lora.evaluation.generation import Generation, answer
from pgt_lora.models.encoding import Encoder

ANSWER, BASE_ANSWER = "answer", "base_answer"


@dataclass
class Chat:
    """A conversation with a model about image files, which the first question shows.

    With `base`, the same is asked of the model without its adapter, which has a history of its own.

    Raises:
        InputError: an image cannot be read, or the model has no adapter to leave out.
    """

    model: Any
    encoder: Encoder
    images: Sequence[Path]
    generation: Generation
    base: bool = False
    histories: dict[str, tuple[Turn, ...]] = field(init=False)

    def __post_init__(self) -> None:
        """Read the images before anything is asked."""
        check_files(self.images)
        if self.base and not hasattr(self.model, "disable_adapter"):
            raise InputError("--base: this model has no adapter to leave out; name a run or an adapter directory")
        self.histories = dict.fromkeys((BASE_ANSWER, ANSWER) if self.base else (ANSWER,), ())

    def ask(self, question: str) -> dict[str, str]:
        """Return the greedy `answer` to a question and, with `base`, the `base_answer`, and keep both as history.

        A question that got an empty answer is not kept.

        Raises:
            InputError: the question is empty or holds a control token.
        """
        if not question.strip():
            raise InputError("the question is empty; put it after the images, in quotes")
        answers = {}
        for name, history in self.histories.items():
            shown = () if history else (IMAGE,) * len(self.images)
            asked = (*history, Turn(Role.USER, (*shown, question)))
            files = [{"bytes": path.read_bytes(), "path": str(path)} for path in self.images]
            row = {"id": "asked", "images": files, "messages": [turn.to_message() for turn in asked]}
            self.encoder.check_text(row, question)
            with self.model.disable_adapter() if name == BASE_ANSWER else nullcontext():
                answers[name] = next(answer(self.model, self.encoder, [row], self.generation)).strip()
            if answers[name]:  # a model may say nothing, and templates know no turn without words
                self.histories[name] = (*asked, Turn(Role.ASSISTANT, (answers[name],)))
        return answers
