"""Conversations: who says what, and where images stand. A single question is a conversation of one turn."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

IMAGE: Final = None  # what stands in a turn where an image is shown
Part = str | None  # a text, or `IMAGE`


class Form(StrEnum):
    """What the rows of a dataset directory are; each is one of TRL's formats."""

    QUESTIONS = "questions"  # `prompt` and `completion`: one question behind its images, and its answer
    CONVERSATIONS = "conversations"  # `messages`: any number of turns, with images where their placeholders stand


class Role(StrEnum):
    """Who says a turn."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True)
class Turn:
    """What one side says: texts, and images where they are shown."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The texts, one behind the other, as chat templates render them."""
        return "".join(part for part in self.parts if part is not IMAGE)

    @property
    def num_images(self) -> int:
        """The number of images that are shown."""
        return self.parts.count(IMAGE)

    def to_message(self) -> dict[str, Any]:
        """Return the turn as a message of TRL's conversational format."""
        content = [{"type": "image", "text": None} if each is IMAGE else _text(each) for each in self.parts]
        return {"role": self.role.value, "content": content}


def turns(row: Mapping[str, Any]) -> tuple[Turn, ...]:
    """Return the conversation of a row of either form, the answer last; an answer is not needed."""
    if "messages" in row:
        return tuple(Turn(Role(each["role"]), tuple(map(_part, each["content"]))) for each in row["messages"])
    images = (IMAGE,) * len(row["images"])
    asked = [Turn(Role.USER, (*images, each["content"])) for each in row["prompt"]]
    return *asked, *(Turn(Role.ASSISTANT, (each["content"],)) for each in row.get("completion", ()))


def question(row: Mapping[str, Any]) -> str:
    """Return the text of a row's last question; its images are not needed."""
    if "messages" in row:
        return next(turn.text for turn in reversed(turns(row)) if turn.role == Role.USER)
    return str(row["prompt"][-1]["content"])


def history(row: Mapping[str, Any]) -> tuple[Turn, ...]:
    """Return what was said before a row's last question; its images are not needed."""
    return turns(row)[:-2] if "messages" in row else ()


def last_answer(row: Mapping[str, Any]) -> str:
    """Return the last answer as it is written; the row's images are not needed."""
    return turns(row)[-1].text if "messages" in row else str(row["completion"][-1]["content"])


def with_last_answer(row: Mapping[str, Any], answer: str) -> dict[str, Any]:
    """Return a row of either form with another last answer."""
    if "messages" in row:
        return dict(row) | {"messages": [*row["messages"][:-1], Turn(Role.ASSISTANT, (answer,)).to_message()]}
    return dict(row) | {"completion": [{"role": Role.ASSISTANT.value, "content": answer}]}


def widest(forms: Iterable[Form]) -> Form:
    """Return the form that holds rows of all forms: single questions among conversations become conversations."""
    return Form.CONVERSATIONS if Form.CONVERSATIONS in set(forms) else Form.QUESTIONS


def to_form(row: Mapping[str, Any], form: Form) -> Mapping[str, Any]:
    """Return a row in a form; a conversation is never made a single question."""
    if form == Form.QUESTIONS or "messages" in row:
        return row
    rest = {name: value for name, value in row.items() if name not in columns(Form.QUESTIONS)}
    return rest | {"messages": [turn.to_message() for turn in turns(row)]}


def columns(form: Form) -> tuple[str, ...]:
    """Return the columns that hold what is said."""
    return ("messages",) if form == Form.CONVERSATIONS else ("prompt", "completion")


def _part(content: Mapping[str, Any]) -> Part:
    return IMAGE if content["type"] == "image" else content["text"]


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}
