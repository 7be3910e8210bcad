"""What a dataset directory must hold: fields of the manifest, and columns of their types."""

from collections.abc import Iterator, Mapping
from typing import Any

from pgt_lora.core.errors import InputError, choices
from pgt_lora.data.references import FIELDS as FIELDS_OF_REFERENCE
from pgt_lora.data.references import MESSAGES, REFERENCES
from pgt_lora.data.turns import Form, columns

FORMAT = 1
FIELDS: dict[str, type] = {
    "asked": dict, "num_samples": int, "counts": dict, "content_hash": str, "versions": dict,
}  # fmt: skip
LICENSE: dict[str, type] = {"annotations": str, "images": str, "redistributable": bool}


def features(form: Form, by_reference: bool = False) -> Any:
    """Return the columns of a dataset directory as `datasets.Features`; conversations may show images by reference."""
    from datasets import Features, Image, List, Value

    text = Value("string")
    content = text if form == Form.QUESTIONS else List({"type": text, "text": text})
    said = dict.fromkeys((MESSAGES,) if by_reference else columns(form), List({"role": text, "content": content}))
    kinds = {name: Value("binary") if name == "bytes" else text for name in FIELDS_OF_REFERENCE}
    images = {REFERENCES: List(kinds)} if by_reference else {"images": List(Image())}
    names = ("source", "task", "template", "answer")
    return Features(
        {"id": text}
        | images
        | said
        | dict.fromkeys(names, text)
        | {"choices": List(text), "answer_format": text, "group": text, "scene": text}
    )


def renamed(manifest: Any) -> Any:
    """Return a manifest whose sources state their `license`, which earlier versions of the kit spelled `licence`."""
    if not isinstance(manifest, dict) or not isinstance(manifest.get("sources"), dict):
        return manifest
    sources = {
        name: {"license" if key == "licence" else key: value for key, value in facts.items()}
        if isinstance(facts, dict)
        else facts
        for name, facts in manifest["sources"].items()
    }
    return manifest | {"sources": sources}


def check_manifest(where: object, manifest: Any) -> None:
    """Check a manifest's fields and their types; `where` begins every message.

    Raises:
        InputError: one is missing, or is not what it should be.
    """
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise InputError(f"{where}: not a manifest of format {FORMAT}; make the dataset again")
    problems = [
        *_wrong_fields(manifest, FIELDS),
        *_unknown_form(manifest),
        *_wrong_values("counts", manifest.get("counts"), int),
        *_wrong_values("rejections", manifest.get("rejections"), int),
        *_wrong_values("sources", manifest.get("sources"), dict),
        *_wrong_values("versions", manifest.get("versions"), str),
    ]
    if not problems:
        missing = set(manifest["counts"]) - set(manifest.get("rejections") or manifest["counts"])
        problems += [f"rejections has no {name}" for name in sorted(missing)]
        for name, facts in (manifest.get("sources") or {}).items():
            terms = facts.get("license")
            problems += _wrong_fields(terms if isinstance(terms, dict) else {}, LICENSE, f"sources.{name}.license.")
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


def _unknown_form(manifest: Mapping[str, Any]) -> Iterator[str]:
    if manifest.get("rows", Form.QUESTIONS) not in tuple(Form):
        yield f"rows is {str(manifest['rows'])[:40]!r}; known: {choices(Form)}"


def form_of(where: object, schema: Any) -> Form:
    """Return what the rows of a parquet file are, by its Arrow schema.

    Raises:
        InputError: its columns or their types are not those of a dataset directory.
    """
    by_reference = REFERENCES in schema.names
    form = Form.CONVERSATIONS if by_reference or "messages" in schema.names else Form.QUESTIONS
    expected = features(form, by_reference).arrow_schema
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
    return form


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
