"""What a dataset directory must hold: fields of the manifest, columns of their types, rows that mean something."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pgt_lora.core.errors import InputError, choices
from pgt_lora.data.sample import AnswerFormat
from pgt_lora.data.scene import Scene

FORMAT = 1
FIELDS: dict[str, type] = {
    "asked": dict, "num_samples": int, "counts": dict, "content_hash": str, "versions": dict,
}  # fmt: skip
LICENCE: dict[str, type] = {"annotations": str, "images": str, "redistributable": bool}
ALL_LISTED = (AnswerFormat.LETTER, AnswerFormat.WORD, AnswerFormat.TRUE_FALSE)  # where choices are all the answers
TEXTS = ("source", "task", "template", "answer", "group")
ROLES = {"prompt": "user", "completion": "assistant"}


def features() -> Any:
    """Return the columns of a dataset directory as `datasets.Features`."""
    from datasets import Features, Image, List, Value

    text = Value("string")
    turns = [{"role": text, "content": text}]
    names = ("source", "task", "template", "answer")
    return Features(
        {"id": text, "images": List(Image()), "prompt": turns, "completion": turns}
        | dict.fromkeys(names, text)
        | {"choices": List(text), "answer_format": text, "group": text, "scene": text}
    )


def check_manifest(where: object, manifest: Any) -> None:
    """Check a manifest's fields and their types; `where` begins every message.

    Raises:
        InputError: one is missing, or is not what it should be.
    """
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise InputError(f"{where}: not a manifest of format {FORMAT}; make the dataset again")
    problems = [
        *_wrong_fields(manifest, FIELDS),
        *_wrong_values("counts", manifest.get("counts"), int),
        *_wrong_values("rejections", manifest.get("rejections"), int),
        *_wrong_values("sources", manifest.get("sources"), dict),
        *_wrong_values("versions", manifest.get("versions"), str),
    ]
    if not problems:
        missing = set(manifest["counts"]) - set(manifest.get("rejections") or manifest["counts"])
        problems += [f"rejections has no {name}" for name in sorted(missing)]
        for name, facts in (manifest.get("sources") or {}).items():
            terms = facts.get("licence")
            problems += _wrong_fields(terms if isinstance(terms, dict) else {}, LICENCE, f"sources.{name}.licence.")
    if problems:
        raise InputError(f"{where}: {problems[0]}; make the dataset again")


def _wrong_fields(fields: Mapping[str, Any], kinds: Mapping[str, type], path: str = "") -> Iterator[str]:
    for name, kind in kinds.items():
        if name not in fields:
            yield f"{path}{name} is missing"
        elif type(fields[name]) is not kind:
            yield f"{path}{name} is {str(fields[name])[:40]!r}, which is no {kind.__name__}"


def _wrong_values(name: str, fields: Any, kind: type) -> Iterator[str]:
    if fields is None:
        return
    if not isinstance(fields, dict):
        yield f"{name} is {str(fields)[:40]!r}, which is no dict"
        return
    yield from (problem for key in fields for problem in _wrong_fields(fields, {key: kind}, f"{name}."))


def check_columns(where: object, schema: Any) -> None:
    """Check the columns of a parquet file, and their types, by its Arrow schema.

    Raises:
        InputError: they are not those of a dataset directory.
    """
    expected = features().arrow_schema
    if schema.names != expected.names:
        raise InputError(
            f"{where}: its columns are not those of a dataset directory: {', '.join(schema.names)} instead of "
            f"{', '.join(expected.names)}; make the dataset again"
        )
    for name in expected.names:
        if not _same_type(schema.field(name).type, expected.field(name).type):
            raise InputError(
                f"{where}: column {name} is {schema.field(name).type}, not {expected.field(name).type}; "
                "make the dataset again"
            )


def _same_type(one: Any, other: Any) -> bool:
    """Tell whether two Arrow types hold the same; other writers have other sizes of offsets, or columns of nulls."""
    import pyarrow.types as kinds

    if kinds.is_null(one):
        return True
    if kinds.is_string(other):
        return bool(kinds.is_string(one) or kinds.is_large_string(one))
    if kinds.is_binary(other):
        return bool(kinds.is_binary(one) or kinds.is_large_binary(one))
    if kinds.is_list(other):
        return bool(kinds.is_list(one) or kinds.is_large_list(one)) and _same_type(one.value_type, other.value_type)
    if not kinds.is_struct(one) or [field.name for field in one] != [field.name for field in other]:
        return False
    return all(_same_type(mine.type, theirs.type) for mine, theirs in zip(one, other, strict=True))


def checked(where: object, rows: Iterable[Mapping[str, Any]], remedy: str) -> Iterator[Mapping[str, Any]]:
    """Yield rows as they come, up to the first that means nothing; images are not decoded.

    Raises:
        InputError: a row means nothing, or its id has come before; the message names the row and ends with `remedy`.
    """
    seen: set[str] = set()
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
    images = row["images"]
    if not images or not all(image and image["bytes"] for image in images):
        return "no image, or an empty one"
    for column, role in ROLES.items():
        turns = row[column]
        if not turns or not all(turns):
            return f"an empty {column}"
        if unknown := [turn["role"] for turn in turns if turn["role"] not in ROLES.values()]:
            return f"a turn of {unknown[0]!r}; there are user and assistant"
        if len(turns) != 1:
            return f"{len(turns)} turns in its {column}: conversations are not supported yet"
        if turns[0]["role"] != role:
            return f"its {column} is a turn of the {turns[0]['role']}, not of the {role}"
        if not _said(turns[0]["content"]):
            return "an empty question" if column == "prompt" else "an empty answer"
    return _problem_of_answer(row)


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
    if row["scene"] is not None:
        try:
            Scene.from_json(row["scene"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return "a scene that cannot be read"
    return None


def _said(text: str | None) -> bool:
    return text is not None and bool(text.strip())
