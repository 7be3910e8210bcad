"""One shard of an overlay: a function of the source, the settings and its number alone, which any process can make."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pgt_lora.core.new_directory import beside, clear_dead
from pgt_lora.core.versions import versions
from pgt_lora.data.directory import VERSIONS
from pgt_lora.data.images import decode
from pgt_lora.data.overlay.draw import Outcome, overlay
from pgt_lora.data.overlay.originals import Originals, originals, taken
from pgt_lora.data.overlay.plan import (
    Asked,
    OverlaySettings,
    Seen,
    is_chosen,
    plan,
    possible_tasks,
    row_stream,
    settings_for,
)
from pgt_lora.data.parquet import shard_path, write_parquet, written_facts
from pgt_lora.data.references import REFERENCES, read_image, read_photograph
from pgt_lora.data.scene import Canvas, Scene
from pgt_lora.data.turns import IMAGE, Form, Role, Turn

SEPARATE = "+pgt"  # behind the id of a row of which the overlay is a row of its own
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class OverlayJob:
    """An overlay that is made shard by shard; it can be sent to other processes and machines.

    `source` is where `place_of` finds the rows, `directory` where shards are written, `seen` the size in which a model
    sees an image. With `render`, rows hold pixels in the place of references.
    """

    source: Path
    directory: Path
    settings: OverlaySettings
    num_shards: int
    seen: Seen
    render: bool = False

    @property
    def asked(self) -> dict[str, Any]:
        """What the manifest says was asked for."""
        facts = originals(self.source).facts
        seen_by = {"seen_by": self.seen.name, "render": self.render}
        return {"source": "overlay", **facts, **asdict(self.settings), **seen_by}

    @cached_property
    def digest(self) -> str:
        """One number for all that decides what a shard holds."""
        told = {"asked": self.asked, "num_shards": self.num_shards, "versions": versions(*VERSIONS)}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def path(self, shard: int) -> Path:
        """Return where a shard lies."""
        return self.directory / shard_path(shard, self.num_shards)


def write_shard(job: OverlayJob, shard: int) -> dict[str, Any]:
    """Write one shard aside and rename it, where it is not there already, and return what it holds.

    That is what a manifest says of rows, `overlay`, which counts what became of the chosen rows, and the job's digest.
    The same facts stand in the file's own metadata.

    Raises:
        InputError: an image of a chosen row cannot be read.
    """
    if (facts := made_shard(job, shard)) is not None:
        return facts
    path, outcomes = job.path(shard), Counter[str]()
    path.parent.mkdir(parents=True, exist_ok=True)
    clear_dead(path)
    partial = beside(path, "partial")
    try:
        rows = shard_rows(job, shard, outcomes)
        facts = write_parquet(
            partial, rows, Form.CONVERSATIONS, not job.render,
            lambda: {"overlay": dict(sorted(outcomes.items())), "job": job.digest},
        )  # fmt: skip
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return facts


def made_shard(job: OverlayJob, shard: int) -> dict[str, Any] | None:
    """Return what a shard holds that was made for this job; None where it is not there, or another job's."""
    facts = written_facts(job.path(shard))
    return facts if facts and facts.get("job") == job.digest else None


def shard_rows(job: OverlayJob, shard: int, outcomes: Counter[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a shard in their order, and count what becomes of the chosen ones."""
    rows = originals(job.source)
    places = taken(job.source, job.settings.limit)
    begin, end = (number * len(places) // job.num_shards for number in (shard, shard + 1))
    for index in places[begin:end]:
        written: Rows = []
        if is_chosen(job.settings, rows.id(index)):
            written, outcome = draw_row(rows, index, job.settings, job.seen)
            outcomes[outcome.value] += 1
        elif rows.are_asked:
            written = [rows.row(index)]
        yield from (_rendered(row, rows.root) for row in written) if job.render else written


def draw_row(rows: Originals, index: int, settings: OverlaySettings, seen: Seen) -> tuple[Rows, Outcome]:
    """Return what one chosen row becomes, one row or two, and how it went.

    Raises:
        InputError: its image cannot be read.
    """
    row = rows.row(index)
    images, kept = row[REFERENCES], [row] if rows.are_asked else []
    if len(images) != 1:
        return kept, Outcome.SEVERAL if images else Outcome.TEXT_ONLY
    if _holds_primitives(row):
        return kept, Outcome.HOLDS
    where = f"row {row['id']}"
    photograph = decode({"bytes": read_photograph(images[0], rows.root, where)}, where)
    canvas = Canvas(*photograph.size)
    as_seen = seen(canvas)
    rng = row_stream(settings.seed, row["id"])
    rng.random()  # which has chosen it
    task_settings = settings_for(canvas, as_seen)
    asked = plan(rng, task_settings, possible_tasks(as_seen), settings.tasks_per_image, settings.tasks)
    if not asked:
        return kept, Outcome.SIZE
    result = overlay(rng, photograph, asked, task_settings)
    if isinstance(result, Outcome):
        return kept, result
    is_new = settings.separate or not rows.are_asked
    new = row | {
        REFERENCES: [images[0] | {"overlay": result.arrangement.scene.to_json()}],
        "messages": [*([] if is_new else row["messages"]), *_messages(asked, is_new)],
        **_answer(asked[-1]),
        "scene": result.arrangement.of(asked[-1].task.name).to_json(),
    }
    if not settings.separate:
        return [new], result.outcome
    return [*kept, new | {"id": row["id"] + SEPARATE}], result.outcome


def _holds_primitives(row: Mapping[str, Any]) -> bool:
    """Tell whether a row asks about drawn things already: with more of them, its earlier answers would be wrong."""
    scenes = [text for text in (row.get("scene"), *(each["overlay"] for each in row[REFERENCES])) if text]
    return any(scene.boxes or scene.circles or scene.figures for scene in map(Scene.from_json, scenes))


def _rendered(row: dict[str, Any], root: Path) -> dict[str, Any]:
    """Return a row with pixels: the bytes that are read where it is a plan's."""
    images = [read_image(each, root, f"row {row['id']}") for each in row[REFERENCES]]
    return {name: value for name, value in row.items() if name != REFERENCES} | {"images": images}


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
