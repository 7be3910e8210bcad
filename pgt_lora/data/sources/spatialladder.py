"""SpatialLadder-26k: which object is nearer, on ScanNet frames (Li et al., 2025).

The paper trains on its distance questions and shows one, a relative distance with lettered options.
"""

import re
from collections import Counter
from pathlib import Path
from random import Random

from pgt_lora.core.errors import InputError
from pgt_lora.data.sources.source import (
    Annotations,
    ImageRef,
    License,
    Row,
    Source,
    SourceSettings,
    field_of,
    inner_path,
    json_lines,
)
from pgt_lora.data.sources.store import Store
from pgt_lora.data.tasks.task import Question

REPO = "hongxingli/SpatialLadder-26k"
STORE = Store("spatialladder", archive=(REPO, "images.zip"))
_LETTER = re.compile(r"^\(?([A-H])(?:[.:)]+(?:\s.*)?)?$", re.DOTALL)  # "A", "A.", "(A)", "A. tv"; not "A table"


def files(split: str, settings: SourceSettings) -> tuple[str, ...]:
    """Return the original name; the dataset has a training split alone."""
    return ("spld_spatial_data.jsonl",) if split == "train" else ()


def read(path: Path, split: str, settings: SourceSettings) -> Annotations:
    """Read one JSON-lines file and keep the distance questions that are asked for.

    Raises:
        InputError: a row that is kept is not of the original schema.
    """
    rows, skipped = [], Counter[str]()
    kinds = {"relative distance"} | ({"absolute distance"} if settings.absolute_distance else set())
    views = {"single_image"} | ({"multi_view"} if settings.multi_view else set())
    for number, (where, entry) in enumerate(json_lines(path), 1):
        kind = field_of(entry, "question_type", str, where)
        view = field_of(
            {"data_type": "single_image"} | entry, "data_type", str, where
        )  # as the original reader takes it
        if kind in kinds and view in views:
            rows.append(_row(f"spatialladder-{number:06d}", entry, kind, where))
        else:
            skipped[f"{kind}, {view}"] += 1
    return Annotations(tuple(rows), skipped)


def _row(name: str, entry: dict[str, object], kind: str, where: str) -> Row:
    images = field_of(entry, "image", list, where)
    paths = [inner_path(each, where).removeprefix("images/") for each in images]
    options = entry.get("options") or None  # the original writes [] for none
    if not paths or (options is None) == (kind == "relative distance"):
        raise InputError(f"{where}: {len(paths)} images and options {options!r} in a question of {kind}")
    answer = str(field_of(entry, "answer", (str, int, float), where)).strip()
    letters = [letter_of(str(option)) for option in options] if isinstance(options, list) else []
    if options is not None and (None in letters or letters.count(letter_of(answer)) != 1):
        raise InputError(f"{where}: the answer {answer!r} names none of the lettered options {options!r}")
    return Row(
        id=name,
        question=field_of(entry, "question", str, where).replace("<image>", "").strip(),  # the original's placeholder
        answer=answer,
        images=tuple(ImageRef(STORE.name, each) for each in paths),
        # A scene is one room in many frames and scans: scene0022_00/1760.jpg and scene0022_01 are the same room.
        group=f"scannet:{paths[0].split('/')[0].split('_')[0]}",
        kind="spatialladder" if kind == "relative distance" else "spatialladder-absolute",
        options=tuple(str(option).strip() for option in options) if isinstance(options, list) else None,
    )


def letter_of(answer: str) -> str | None:
    """Return the letter of a lettered answer, with or without a full stop or the option's words behind it."""
    found = _LETTER.match(answer.strip())
    return found[1] if found else None


def ask(rng: Random, row: Row) -> Question:
    """Put the options behind the question, in their own format, as the paper's example does."""
    if row.options is None:
        return Question(f"{row.question} Answer with the number directly", row.answer, "B", "number", None)
    listed = all(option in row.question for option in row.options)
    text = row.question if listed else " ".join([row.question, *row.options])
    if "Answer with the option" not in text:
        text += " Answer with the option's letter from the given choices directly."
    letters = tuple(str(letter_of(option)) for option in row.options)
    return Question(text, str(letter_of(row.answer)), "A", "letter", letters)


def wider(settings: SourceSettings) -> str:
    """Return how to get more rows."""
    switches = [] if settings.absolute_distance else ["--absolute-distance"]
    switches += [] if settings.multi_view else ["--multi-view"]
    return " or ".join(switches) or "take a smaller share of spatialladder"


SOURCE = Source(
    name="spatialladder",
    homepage=REPO,
    license=License("Apache-2.0", "ScanNet terms of use (signed); never to be passed on", redistributable=False),
    origin=lambda settings: REPO,
    files=files,
    read=read,
    ask=ask,
    wider=wider,
    written=lambda row: row.answer,
    stores=(STORE,),
    in_default_mix=True,
)
