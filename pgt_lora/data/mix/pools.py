"""What a mix is drawn from: rows that are ready but for their images, from annotations, directories, the Hub or PGT."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pgt_lora.core.streams import stream
from pgt_lora.data import generate as build
from pgt_lora.data.digests import digests_of
from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.data.mix.annotations import load
from pgt_lora.data.mix.images import Shelf
from pgt_lora.data.sample import Sample
from pgt_lora.data.schema import renamed
from pgt_lora.data.sources.source import ImageRef, Row, Source, SourceSettings
from pgt_lora.data.sources.store import PARQUET
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.data.turns import Form, turns
from pgt_lora.data.weights import parse_weights


@dataclass(frozen=True)
class Candidate:
    """A row that may be drawn; `make(files)` makes the sample, given the encoded images that `images` names.

    Candidates with the same `key` are exact duplicates. A balanced draw is even over `strata` (`Row`). `digests` are
    those of the images that are here already.
    """

    id: str
    group: str
    key: Hashable
    images: tuple[ImageRef, ...]
    make: Callable[[Sequence[bytes]], Sample]
    strata: tuple[str, ...] = ()
    digests: tuple[bytes, ...] = ()


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


OWN_LICENSE = {"annotations": "Apache-2.0", "images": "Apache-2.0", "redistributable": True}


def generated(num_samples: int, seed: int, split: str, settings: TaskSettings) -> Pool:
    """Return as many PGT samples as are asked for, the first of a split of `seed`."""
    weights = parse_weights("families")
    make = partial(build.make_sample, seed=seed, split=split, weights=weights, settings=settings)

    def candidate(index: int) -> Candidate:
        name = f"pgt-{split}-{seed}-{index:06d}"
        return Candidate(name, name, name, (), lambda files: make(index)[0])

    return Pool([candidate(index) for index in range(num_samples)], {"license": OWN_LICENSE})


def directory(path: Path) -> Pool:
    """Return the rows of a dataset directory, as they are."""
    manifest = read_manifest(path)
    rows = open_dataset(path)
    known = open_dataset(path, read_images=False).select_columns(["id", "group", "images"])
    candidates = [
        Candidate(row["id"], row["group"], row["id"], (), partial(_stored, rows, index), digests=digests_of(row))
        for index, row in enumerate(known)
    ]
    sources = sources_of(manifest).values()
    facts: dict[str, Any] = {"content_hash": manifest["content_hash"], "license": combined(sources)}
    if len(sources) == 1:
        (source,) = sources
        facts |= {name: source[name] for name in ("origin", "revision") if name in source}
    families = {each["family"] for each in sources if "family" in each}
    if families:  # one alone, since `mix` refuses several
        facts["family"] = families.pop()
    return Pool(candidates, facts, form=Form(manifest["rows"]))


def sources_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sources that a manifest lists; what `generate` wrote is the project's own."""
    return renamed(manifest).get("sources") or {manifest["asked"].get("source", "pgt"): {"license": OWN_LICENSE}}


def drawn_sources(parts: Iterable[tuple[Path, Mapping[str, int]]]) -> dict[str, Any]:
    """Return the sources of rows that are drawn from dataset directories, given how many have which `source` in each.

    What two directories call the same has the terms of both.
    """
    found: dict[str, Any] = {}
    for path, counts in parts:
        for name, facts in _counted(path, counts).items():
            if name in found:
                first = found[name]
                facts = {key: value for key, value in first.items() if facts.get(key) == value} | {
                    "license": combined([first, facts]), "drawn": first["drawn"] + facts["drawn"],
                }  # fmt: skip
            found[name] = facts
    return found


def _counted(path: Path, counts: Mapping[str, int]) -> dict[str, Any]:
    """Return the sources of a directory with the numbers of rows that are drawn.

    A mix lists a directory that is mixed in by that one's name, but rows keep the source that they had there: they are
    told apart where it is the only such directory, else each of their sources has the terms of all of these.
    """
    sources, present = sources_of(read_manifest(path)), set(open_dataset(path, read_images=False)["source"])
    unnamed = {name: facts for name, facts in sources.items() if name not in present}
    others = sorted(present - sources.keys())
    found = {name: facts | {"drawn": counts.get(name, 0)} for name, facts in sources.items()}
    if len(unnamed) == 1:
        (name,) = unnamed
        found[name]["drawn"] = sum(counts.get(each, 0) for each in others)
    elif others:
        shared: dict[str, Any] = {"license": combined((unnamed or sources).values())}
        for facts in unnamed.values():
            shared |= {key: facts[key] for key in ("family",) if key in facts}
        found = {name: facts for name, facts in found.items() if name not in unnamed}
        found |= {name: shared | {"drawn": counts.get(name, 0)} for name in others}
    return found


def combined(sources: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the license of several sources together."""
    terms = [facts["license"] for facts in sources]
    return {
        "annotations": "; ".join(dict.fromkeys(each["annotations"] for each in terms)),
        "images": "; ".join(dict.fromkeys(each["images"] for each in terms)),
        "redistributable": all(each["redistributable"] for each in terms),
    }


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
