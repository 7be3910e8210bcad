"""Questions about a person's own images, encoded and answered exactly as evaluation does."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.data.images import decode
from pgt_lora.evaluation.generation import Generation, answer
from pgt_lora.models.encoding import Encoder

ANSWER, BASE_ANSWER = "answer", "base_answer"


def ask(
    model: Any, encoder: Encoder, images: Sequence[Path], question: str, generation: Generation, *, base: bool = False
) -> dict[str, str]:
    """Return a model's greedy `answer` to a question about image files and, with `base`, its `base_answer` first.

    The second is the model's own without its adapter.

    Raises:
        InputError: an image cannot be read, the question is empty or holds a control token, or the model has no
            adapter to leave out.
    """
    row = as_row(images, question)
    encoder.check_text(row, question)
    if base and not hasattr(model, "disable_adapter"):
        raise InputError("--base: this model has no adapter to leave out; ask a run or an adapter directory")
    answers = {}
    for name in (BASE_ANSWER, ANSWER) if base else (ANSWER,):
        with model.disable_adapter() if name == BASE_ANSWER else nullcontext():
            answers[name] = next(answer(model, encoder, [row], generation)).strip()
    return answers


def as_row(images: Sequence[Path], question: str) -> Mapping[str, Any]:
    """Return image files and a question as a row of a dataset directory.

    Raises:
        InputError: an image cannot be read, or there is no question.
    """
    if not question.strip():
        raise InputError("the question is empty; write it behind the images, in quotes")
    for path in images:
        decode(path, str(path))
    files = [{"bytes": path.read_bytes(), "path": str(path)} for path in images]
    return {"id": "asked", "images": files, "prompt": [{"role": "user", "content": question}]}
