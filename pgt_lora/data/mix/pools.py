"""What a mix is drawn from: rows that are ready but for their images, from annotations, directories, the Hub or PGT."""

from collections.abc import Callable, Container, Hashable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from pgt_lora.core.streams import stream
from pgt_lora.data import generate as build
from pgt_lora.data.digests import content_of, digests_of
from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.data.mix.annotations import load
from pgt_lora.data.mix.images import Shelf
from pgt_lora.data.mix.terms import OWN_LICENSE, combined, sources_of
from pgt_lora.data.sample import Sample
from pgt_lora.data.sources.source import ImageRef, Row, Source, SourceSettings
from pgt_lora.data.sources.store import PARQUET
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.data.turns import Form, turns
from pgt_lora.data.weights import parse_weights


@dataclass(frozen=True)
class Candidate:
    """A row that may be drawn; `make(files)` makes the sample, given the encoded images that `images` names.

    Candidates with the same `key` are exact duplicates; within a `source`, annotated rows are called the same
    everywhere. A balanced draw is even over `strata` (`Row`). `digests` are those of the images that are here already.
    """

    id: str
    group: str
    key: Hashable
    source: str
    images: tuple[ImageRef, ...]
    make: Callable[[Sequence[bytes]], Sample]
    strata: tuple[str, ...] = ()
    digests: tuple[bytes, ...] = ()

    def called(self, name: str) -> "Candidate":
        """Return the candidate under an id."""
        make = self.make
        return self if name == self.id else replace(self, id=name, make=lambda files: replace(make(files), id=name))


@dataclass(frozen=True)
class Pool:
    """The rows of one part of a mix, of a form; `facts` go into the manifest, `wider` says how to get more rows."""

    candidates: Sequence[Candidate]
    facts: dict[str, Any] = field(default_factory=dict)
    wider: str = "take a smaller share of it"
    form: Form = Form.QUESTIONS


def annotated(
    source: Source, split: str, given: str | Path | None, settings: SourceSettings, shelf: Shelf, seed: int
) -> Pool:
    """Return the rows of one split of a source."""
    loaded = load(source, split, given, settings, shelf)
    candidates = [
        Candidate(
            row.id,
            row.group,
            (row.images, row.question, row.answer),
            source.name,
            row.images,
            partial(ask_row, source, seed, row),
            row.strata,
        )
        for row in loaded.annotations.rows
    ]
    facts = {"homepage": source.homepage, "license": asdict(source.license), **loaded.facts}
    facts["skipped"] = dict(sorted(loaded.annotations.skipped.items()))
    if loaded.annotations.family:
        facts["family"] = loaded.annotations.family
    return Pool(candidates, facts, source.wider(settings))


def generated(num_samples: int, seed: int, split: str, settings: TaskSettings) -> Pool:
    """Return as many PGT samples as are asked for, the first of a split of `seed`."""
    weights = parse_weights("families")
    make = partial(build.make_sample, seed=seed, split=split, weights=weights, settings=settings)

    def candidate(index: int) -> Candidate:
        name = f"pgt-{split}-{seed}-{index:06d}"
        return Candidate(name, name, name, "pgt", (), lambda files: make(index)[0])

    return Pool([candidate(index) for index in range(num_samples)], {"license": OWN_LICENSE})


def directory(path: Path) -> Pool:
    """Return the rows of a dataset directory, as they are."""
    manifest = read_manifest(path)
    rows = open_dataset(path)
    candidates = [
        Candidate(
            row["id"], row["group"], content_of(row), row["source"], (), partial(_stored, rows, index),
            digests=digests_of(row),
        )
        for index, row in enumerate(open_dataset(path, read_images=False))
    ]  # fmt: skip
    sources = sources_of(manifest).values()
    facts: dict[str, Any] = {"content_hash": manifest["content_hash"], "license": combined(sources)}
    if len(sources) == 1:
        (source,) = sources
        facts |= {name: source[name] for name in ("origin", "revision") if name in source}
    families = {each["family"] for each in sources if "family" in each}
    if families:  # one alone, since `mix` refuses several
        facts["family"] = families.pop()
    return Pool(candidates, facts, form=Form(manifest["rows"]))


def same(one: Candidate, other: Candidate) -> bool:
    """Tell whether two candidates with one id and different keys are one row all the same.

    Annotated rows are called by their source; what is numbered, such as PGT of several settings, is told by content.
    """
    if one.source != other.source:
        return False
    if one.images or other.images:
        return True
    first, second = (
        each.key if isinstance(each.key, bytes) else content_of(each.make(()).to_row()) for each in (one, other)
    )
    return first == second


def free_id(row_id: str, label: str, taken: Container[str]) -> str:
    """Return a row's id, with the name of where it is from in front if another row has it."""
    while row_id in taken:
        row_id = f"{label}-{row_id}"
    return row_id


def ask_row(source: Source, seed: int, row: Row, files: Sequence[bytes]) -> Sample:
    """Put a row of a source into words; what is drawn depends on the seed and the row alone."""
    question = source.ask(stream(seed, "mix", source.name, row.id), row)
    return Sample(
        id=row.id,
        images=tuple(files),
        question=question.text,
        answer=question.answer,
        source=source.name,
        task=row.kind,
        template=question.template,
        answer_format=question.answer_format,
        group=row.group,
        choices=question.choices,
        scene=row.scene,
        paths=tuple(each.path if each.store != PARQUET.name else Path(each.path).name for each in row.images),
        completion=source.written(row),
    )


def _stored(rows: Any, index: int, files: Sequence[bytes]) -> Sample:
    row = rows[index]
    kept = ("id", "answer", "source", "task", "template", "answer_format", "group", "scene")
    *history, asked, said = turns(row)
    return Sample(
        images=tuple(image["bytes"] for image in row["images"]),
        question=asked.parts if "messages" in row else asked.text,
        choices=None if row["choices"] is None else tuple(row["choices"]),
        paths=tuple(image["path"] for image in row["images"]),
        completion=said.text,
        history=tuple(history),
        **{name: row[name] for name in kept},
    )
