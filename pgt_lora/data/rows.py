"""Rows that mean something: what every row of a dataset directory must say."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pgt_lora.core.errors import InputError, choices
from pgt_lora.data.references import REFERENCES
from pgt_lora.data.sample import AnswerFormat
from pgt_lora.data.scene import Scene
from pgt_lora.data.turns import Role, Turn, turns

ALL_LISTED = (AnswerFormat.LETTER, AnswerFormat.WORD, AnswerFormat.TRUE_FALSE)  # where choices are all the answers
TEXTS = ("source", "task", "template", "answer", "group")
ROLES = {"prompt": "user", "completion": "assistant"}


def checked(
    where: object, rows: Iterable[Mapping[str, Any]], remedy: str, seen: set[str] | None = None
) -> Iterator[Mapping[str, Any]]:
    """Yield rows as they come, up to the first that means nothing; images are not decoded.

    `seen` are the ids of the files before this one; those of these rows come into it.

    Raises:
        InputError: a row means nothing, or its id has come before; the message names the row and ends with `remedy`.
    """
    seen = set() if seen is None else seen
    for number, row in enumerate(rows, 1):
        name = row["id"]
        problem = problem_of(row) or (f"the id of an earlier row: {name}" if name in seen else None)
        if problem:
            raise InputError(f"{where}: row {number} ({name!r}): {problem}; {remedy}")
        seen.add(name)
        yield row


def problem_of(row: Mapping[str, Any]) -> str | None:
    """Return why a row of the right columns means nothing, or None."""
    if not _said(row["id"]):
        return "an empty id"
    if REFERENCES in row:
        row = dict(row) | {"images": row[REFERENCES]}
        problem = next(filter(None, map(_problem_of_reference, row["images"] or ())), None)
        return problem or _problem_of_messages(row) or _problem_of_answer(row)
    if not all(image and image["bytes"] for image in row["images"] or ()):
        return "an empty image"
    problem = _problem_of_messages(row) if "messages" in row else _problem_of_question(row)
    return problem or _problem_of_answer(row)


def _problem_of_question(row: Mapping[str, Any]) -> str | None:
    if not row["images"]:
        return "no image"
    for column, role in ROLES.items():
        turns = row[column]
        if not turns or not all(turns):
            return f"an empty {column}"
        if unknown := [turn["role"] for turn in turns if turn["role"] not in ROLES.values()]:
            return f"a turn of {unknown[0]!r}; there are user and assistant"
        if len(turns) != 1:
            return f"{len(turns)} turns in its {column}; a conversation has a column of messages instead"
        if turns[0]["role"] != role:
            return f"its {column} is a turn of the {turns[0]['role']}, not of the {role}"
        if not _said(turns[0]["content"]):
            return "an empty question" if column == "prompt" else "an empty answer"
    return None


def _problem_of_messages(row: Mapping[str, Any]) -> str | None:
    messages = row["messages"]
    if row["images"] is None or not messages:
        return "no images column" if row["images"] is None else "no turns"
    for number, message in enumerate(messages, 1):
        if not message or not message["content"]:
            return f"turn {number} of {len(messages)}: empty"
        if message["role"] not in tuple(Role):
            return f"a turn of {message['role']!r}; there are {choices(Role)}"
        if not all(map(_is_part, message["content"])):
            return f"a turn of the {message['role']} with a part that is neither an image nor a text"
    said = turns(row)
    for number, turn in enumerate(said, 1):
        if problem := _problem_of_turn(turn):
            return f"turn {number} of {len(said)}: {problem}"
    roles = [turn.role for turn in said]
    if roles[0] == Role.SYSTEM:
        del roles[0]
    if not roles or roles != [Role.USER, Role.ASSISTANT] * (len(roles) // 2):
        return (
            "its turns are not the user's and the assistant's in turn, up to an answer, behind one system turn at most"
        )
    if (places := sum(turn.num_images for turn in said)) != len(row["images"]):
        return f"{len(row['images'])} images, but {places} places for them"
    return None


def _is_part(part: Mapping[str, Any] | None) -> bool:
    return part is not None and part["type"] == ("text" if part["text"] else "image")


def _problem_of_turn(turn: Turn) -> str | None:
    if turn.num_images and turn.role != Role.USER:
        return f"an image in a turn of the {turn.role}; only the user shows images"
    if not _said(turn.text) and not turn.num_images:
        return f"an empty turn of the {turn.role}"
    return None


def _problem_of_answer(row: Mapping[str, Any]) -> str | None:
    for name in TEXTS:
        if row[name] is None:
            return f"no {name}"
    if not _said(row["answer"]):
        return "an empty answer"
    if row["answer_format"] not in tuple(AnswerFormat):
        return f"unknown answer_format {row['answer_format']!r}; known: {choices(AnswerFormat)}"
    listed = row["choices"]
    if listed is not None and (not listed or not all(_said(choice) for choice in listed)):
        return "an empty choice, or none at all"
    if listed and row["answer_format"] in ALL_LISTED and row["answer"] not in listed:
        return f"its answer {row['answer']!r} is not among its choices: {', '.join(listed)}"
    if row["scene"] is not None and not _is_scene(row["scene"]):
        return "a scene that cannot be read"
    return None


def _problem_of_reference(reference: Mapping[str, Any] | None) -> str | None:
    """Return why a reference to an image means nothing, or None; no file is opened."""
    if not reference or not reference["sha256"] or not (reference["bytes"] or reference["path"]):
        return "an image without a digest, or with neither a path nor bytes"
    data = reference["bytes"]
    if data is not None and hashlib.sha256(data).hexdigest() != reference["sha256"]:
        return "an image that is not the one of its digest"
    if reference["overlay"] is not None and not _is_scene(reference["overlay"]):
        return "an overlay that cannot be read"
    return None


def _is_scene(text: str) -> bool:
    try:
        Scene.from_json(text)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    return True


def _said(text: str | None) -> bool:
    return text is not None and bool(text.strip())
