"""Which questions of a conversation are answered: the last one, or every one in its turn."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from pgt_lora.data.sample import AnswerFormat
from pgt_lora.data.turns import Role, last_answer, turns


class Asked(StrEnum):
    """Which questions are answered; what was said before is always the true history."""

    LAST = "last"
    ALL = "all"


class EveryQuestion(Sequence[Mapping[str, Any]]):
    """A row for every question of a dataset's rows, made when it is read.

    The last question's row is the dataset's own. An earlier one ends where it is answered: it shows the images up to
    there, its answer is free text, and `#` with its number ends its id. Their task has its own name, so that a task's
    scores are those of its own questions.
    """

    def __init__(self, rows: Any, places: Sequence[tuple[int, int | None]] | None = None) -> None:
        self.rows = rows
        self.places = list(_places(rows)) if places is None else places

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: Any) -> Any:
        place, answer = self.places[index]
        row = self.rows[place]
        return row if answer is None else up_to(row, answer)

    def select(self, indices: Sequence[int]) -> "EveryQuestion":
        """Return some of the rows, as a `datasets.Dataset` does."""
        return EveryQuestion(self.rows, [self.places[index] for index in indices])


def _places(rows: Any) -> Iterator[tuple[int, int | None]]:
    """Yield the index of a row and that of the message that answers; None for the last one."""
    for index, messages in enumerate(rows["messages"]):
        answers = [place for place, message in enumerate(messages) if message["role"] == Role.ASSISTANT]
        yield from ((index, place) for place in answers[:-1])
        yield index, None


def up_to(row: Mapping[str, Any], place: int) -> dict[str, Any]:
    """Return the row of the question that the message at a place answers."""
    messages = row["messages"][: place + 1]
    shown = sum(turn.num_images for turn in turns({"messages": messages}))
    number = sum(message["role"] == Role.ASSISTANT for message in messages)
    return dict(row) | {
        "id": f"{row['id']}#{number}",
        "task": f"{row['task']} (earlier turns)",
        "images": row["images"][:shown],
        "messages": messages,
        "answer": last_answer({"messages": messages}),
        "answer_format": AnswerFormat.TEXT.value,
        "choices": None,
        "scene": None,
    }
