"""The overlay in one directory: of the rows of a dataset, those that are chosen are drawn over and asked about."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.new_directory import check_free, new_directory
from pgt_lora.core.terminal import track
from pgt_lora.core.workers import check_number, in_order
from pgt_lora.data.directory import read_manifest, write_manifest, write_rows
from pgt_lora.data.images import decode
from pgt_lora.data.overlay.draw import Outcome, encoded, overlay
from pgt_lora.data.overlay.originals import Originals, originals, place_of
from pgt_lora.data.overlay.plan import (
    Asked,
    OverlaySettings,
    Seen,
    is_chosen,
    plan,
    possible_tasks,
    row_stream,
    settings_for,
    within_long_side,
)
from pgt_lora.data.scene import Canvas
from pgt_lora.data.turns import IMAGE, Form, Role, Turn

SEPARATE = "+pgt"  # behind the id of a row of which the overlay is a row of its own
Rows = list[dict[str, Any]]


def overlay_data(
    source: str,
    out: Path,
    settings: OverlaySettings,
    *,
    seen: Seen = within_long_side,
    num_proc: int = 1,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write the rows that a name means into a dataset directory of conversations, and return its manifest.

    `seen` is the size in which the model sees an image of a size.

    Raises:
        InputError: there are no such rows, an image of a chosen one cannot be read, or nothing would be written.
    """
    settings.check()
    check_number(num_proc)
    check_free(out, overwrite)
    place = place_of(source)
    originals.cache_clear()  # what lies there may have changed since
    rows = originals(place)
    outcomes: Counter[str] = Counter()
    with new_directory(out, overwrite) as directory:
        written = _rows(rows, partial(draw_row, place, settings, seen), settings, num_proc, outcomes)
        made = write_rows(directory, written, Form.CONVERSATIONS)
        if not made["num_samples"]:
            raise InputError(f"{source}: no photograph is drawn over ({_told(outcomes)}); take a larger --proportion")
        asked = {"source": "overlay", **rows.facts, **asdict(settings)}
        made |= {"sources": rows.sources, "overlay": dict(sorted(outcomes.items()))}
        write_manifest(directory, asked, made)
    return read_manifest(out)


def _rows(
    rows: Originals, draw: Any, settings: OverlaySettings, num_proc: int, outcomes: Counter[str]
) -> Iterator[dict[str, Any]]:
    """Yield the rows in their order; those that are not chosen as they are."""
    chosen = [index for index, name in enumerate(rows.ids) if is_chosen(settings, name)]
    drawn = dict.fromkeys(chosen)
    results = in_order(draw, chosen, num_proc)
    for index in track(range(len(rows.ids)), len(rows.ids), "Drawing over photographs"):
        if index in drawn:
            written, outcome = next(results)
            outcomes[outcome.value] += 1
            yield from written
        else:
            row = rows.row(index)
            yield from [row] if row["messages"] else []


def draw_row(place: Path, settings: OverlaySettings, seen: Seen, index: int) -> tuple[Rows, Outcome]:
    """Return what one chosen row becomes, one row or two, and how it went.

    Raises:
        InputError: its image cannot be read.
    """
    row = originals(place).row(index)
    kept = [row] if row["messages"] else []
    if len(row["images"]) != 1:
        return kept, Outcome.SEVERAL if row["images"] else Outcome.TEXT_ONLY
    photograph = decode(row["images"][0], f"row {row['id']}")
    canvas = Canvas(*photograph.size)
    possible = possible_tasks(as_seen := seen(canvas))
    rng = row_stream(settings.seed, row["id"])
    rng.random()  # which has chosen it
    task_settings = settings_for(canvas, as_seen)
    asked = plan(rng, task_settings, possible, settings.tasks_per_image)
    if not asked:
        return kept, Outcome.SIZE
    result = overlay(rng, photograph, asked, task_settings)
    if isinstance(result, Outcome):
        return kept, result
    image = encoded(result.picture, row["images"][0]["bytes"])
    is_new = settings.separate or not row["messages"]
    new = row | {
        "images": [{"bytes": image, "path": None}],
        "messages": [*([] if is_new else row["messages"]), *_messages(asked, is_new)],
        **_answer(asked[-1]),
        "scene": result.arrangement.of(asked[-1].task.name).to_json(),
    }
    if not settings.separate:
        return [new], result.outcome
    return [*kept, new | {"id": row["id"] + SEPARATE}], result.outcome


def _messages(asked: Sequence[Asked], shows: bool) -> list[dict[str, Any]]:
    """Return the questions and answers as messages; the first one shows the image where nothing else does."""
    turns = []
    for number, each in enumerate(asked):
        image = (IMAGE,) if shows and number == 0 else ()
        turns.append(Turn(Role.USER, (*image, each.question.text)))
        turns.append(Turn(Role.ASSISTANT, (each.question.answer,)))
    return [turn.to_message() for turn in turns]


def _answer(asked: Asked) -> dict[str, Any]:
    """Return the columns that say what the last answer is."""
    question = asked.question
    return {
        "task": asked.task.name,
        "template": question.template,
        "answer": question.answer,
        "choices": None if question.choices is None else list(question.choices),
        "answer_format": question.answer_format,
    }


def _told(outcomes: Counter[str]) -> str:
    return ", ".join(f"{name}: {number:,}" for name, number in sorted(outcomes.items())) or "none is chosen"
