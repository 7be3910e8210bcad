"""Rows of a dataset on the Hub that has TRL's prompt and completion columns, as part of a mix."""

from collections.abc import Mapping, Sequence
from functools import partial
from string import ascii_uppercase
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.errors import choices as known
from pgt_lora.data.images import decode
from pgt_lora.data.mix.pools import Candidate, Pool
from pgt_lora.data.sample import AnswerFormat, Sample


def hub(name: str) -> Pool:
    """Return the rows of the training split of a Hub dataset (`owner/name`, or `owner/name@revision`).

    Raises:
        InputError: it cannot be loaded, or its columns are not TRL's.
    """
    from datasets import load_dataset
    from huggingface_hub import dataset_info

    repo, _, revision = name.partition("@")
    try:
        info = dataset_info(repo, revision=revision or None)
        rows = load_dataset(repo, split="train", revision=info.sha)
    except Exception as error:  # whatever a loader raises, it is this dataset that cannot be had
        reason = str(error).strip().split("\n")[0]
        raise InputError(f"{name}: no dataset directory, and not to be had from the Hub ({reason})") from error
    stated = getattr(info.card_data, "license", None) or "none stated"
    # What the images' terms are is not known from a card: nobody but the user can say that they may be passed on.
    licence = {"annotations": str(stated), "images": str(stated), "redistributable": False}
    return Pool(candidates(rows, repo), {"origin": repo, "revision": info.sha, "licence": licence})


def candidates(rows: Any, name: str) -> list[Candidate]:
    """Return the candidates of a `datasets.Dataset` in TRL's form, single-turn, its images left encoded.

    Raises:
        InputError: there is no prompt, completion or image column.
    """
    from datasets import Image, List

    column = next((each for each in ("images", "image") if each in rows.column_names), None)
    if column is None or not {"prompt", "completion"} <= set(rows.column_names):
        raise InputError(f"{name}: columns {rows.column_names}; prompt, completion and images (or image) are needed")
    encoded = Image(decode=False)
    rows = rows.cast_column(column, List(encoded) if column == "images" else encoded)
    groups = rows["group"] if "group" in rows.column_names else [f"{name}:{index}" for index in range(len(rows))]
    ids = [f"{name}-{index:06d}" for index in range(len(rows))]
    return [
        Candidate(each, str(group), each, (), partial(_sample, rows, index, column, name, each, str(group)))
        for index, (each, group) in enumerate(zip(ids, groups, strict=True))
    ]


def _sample(rows: Any, index: int, column: str, source: str, name: str, group: str, files: Sequence[bytes]) -> Sample:
    row = rows[index]
    images = row[column] if isinstance(row[column], list) else [row[column]]
    if not images or not all(each and each["bytes"] for each in images):
        raise InputError(f"row {name}: an image is missing in the dataset")
    for each in images:
        decode(each, f"row {name}")
    completion = _text(row["completion"], "assistant", name)
    answer = completion if row.get("answer") is None else str(row["answer"])
    choices = _choices(row.get("choices"), name)
    return Sample(
        id=name,
        images=tuple(each["bytes"] for each in images),
        question=_text(row["prompt"], "user", name),
        answer=answer,
        source=source,
        task=str(row.get("task") or source),
        template=str(row.get("template") or "A"),
        answer_format=_answer_format(row.get("answer_format"), choices, name),
        group=group,
        choices=choices,
        completion=completion,
    )


def _choices(stated: Any, name: str) -> tuple[str, ...] | None:
    if not stated:
        return None
    if not isinstance(stated, list):
        raise InputError(f"row {name}: its choices are {stated!r}; a list of texts is needed")
    return tuple(map(str, stated))


def _answer_format(stated: Any, choices: Sequence[str] | None, name: str) -> str:
    """Return the format that a row states, or the one that its choices suggest: letters, words, or free text."""
    if stated is not None:
        if stated not in list(AnswerFormat):
            raise InputError(f"row {name}: answer_format {stated!r}; known: {known(AnswerFormat)}")
        return str(stated)
    if not choices:
        return AnswerFormat.TEXT.value
    letters = all(len(choice) == 1 and choice in ascii_uppercase for choice in choices)
    return AnswerFormat.LETTER.value if letters else AnswerFormat.WORD.value


def _text(turns: str | Sequence[Mapping[str, Any]], role: str, name: str) -> str:
    if isinstance(turns, str):
        return turns
    if len(turns) != 1 or turns[0]["role"] != role:
        raise InputError(f"row {name}: one turn of the {role} is supported, not {[turn['role'] for turn in turns]}")
    content = turns[0]["content"]
    if isinstance(content, str):
        return content
    return " ".join(part["text"] for part in content if part.get("type") == "text" and part.get("text"))
