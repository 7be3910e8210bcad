"""A source of annotated photographs: rows that name their images, and how a row is asked."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath
from random import Random
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.data.sources.store import Store
from pgt_lora.data.tasks.task import Question


@dataclass(frozen=True)
class ImageRef:
    """An image that a row names: the name of the `Store` that it is kept in, and its path there.

    In `local` the path is that of a file. In `parquet` the images lie in an annotation file itself: `path` is that
    file, `index` the row.
    """

    store: str
    path: str
    index: int = 0


@dataclass(frozen=True)
class Row:
    """One annotated question as its dataset has it, before it is put into words.

    `group` names the underlying image or scene, in the same words in every source. `kind` tells apart the sorts of
    question within a source. `options` are lettered options as the dataset spells them. `scene` is the JSON of the
    regions that the question is about. A balanced draw is even over `strata`, over the first of them most of all.
    """

    id: str
    question: str
    answer: str
    images: tuple[ImageRef, ...]
    group: str
    kind: str
    options: tuple[str, ...] | None = None
    scene: str | None = None
    strata: tuple[str, ...] = ()


class Crowds(StrEnum):
    """What a crowd, several objects that COCO annotates as one, means for the objects of its kind in an image."""

    EXCLUDE = "exclude"  # there are several of the kind
    IGNORE = "ignore"  # only objects that are annotated one by one are counted
    COUNT = "count"  # it counts as one object


@dataclass(frozen=True)
class SourceSettings:
    """What a user may switch on in the sources; `vg_to_coco` maps Visual Genome's image ids to COCO's."""

    vsr_split: str = "random"
    absolute_distance: bool = False
    multi_view: bool = False
    crowds: Crowds = Crowds.EXCLUDE
    vg_to_coco: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Annotations:
    """The rows of annotation files; `skipped` counts what was read and is not asked for, by reason.

    `family` names the split family where a dataset has several that must not be mixed. `notes` are to be read.
    """

    rows: tuple[Row, ...]
    skipped: Mapping[str, int] = field(default_factory=Counter)
    family: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class License:
    """Under what terms the annotations and the images come, and whether the images may be passed on."""

    annotations: str
    images: str
    redistributable: bool


@dataclass(frozen=True)
class Source:
    """One dataset.

    `origin(settings)` is where annotations are downloaded from unless local files are given: a Hub id or a URL.
    `files(split, settings)` are the file names to look for, as patterns; the first one that is there is read.
    `read(path, split, settings)` reads one file. `ask(rng, row)` puts a row into the words of the paper's appendix
    A.3. `written(row)` is what the model is to write, where that is spelled otherwise than the answer that is scored.
    `wider(settings)` says how to get more rows. `stores` are where the images lie that its rows name. A source that is
    `in_default_mix` is part of the mix that is built where no shares are given.
    """

    name: str
    homepage: str
    license: License
    origin: Callable[[SourceSettings], str]
    files: Callable[[str, SourceSettings], tuple[str, ...]]
    read: Callable[[Path, str, SourceSettings], Annotations]
    ask: Callable[[Random, Row], Question]
    wider: Callable[[SourceSettings], str]
    stores: tuple[Store, ...] = ()
    in_default_mix: bool = False
    written: Callable[[Row], str | None] = lambda row: None


def json_lines(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the objects of a JSON-lines file, each behind the words that name its line.

    Raises:
        InputError: a line is not JSON.
    """
    with path.open("rb") as lines:  # bytes end at newlines alone, text would end at other separators too
        for number, line in enumerate(lines, 1):
            if line.strip():
                where = f"{path}, line {number}"
                try:
                    entry = json.loads(line)
                except ValueError as error:
                    raise InputError(f"{where}: not JSON ({error}); download the file again") from error
                yield where, entry


def inner_path(text: object, where: str) -> str:
    """Return a relative path inside a dataset in its plain form.

    Raises:
        InputError: it is no text, is absolute, or leads out of the dataset; `where` names the row.
    """
    if not isinstance(text, str) or not text:
        raise InputError(f"{where}: the image {text!r} is not a path; is this the original file?")
    path = PurePosixPath(text.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise InputError(f"{where}: the image path {text!r} points outside the dataset; it is refused")
    return str(path)


def field_of(entry: object, name: str, kind: type | tuple[type, ...], where: str) -> Any:
    """Return a field of an annotation; raise `InputError` that names the row if it is missing or of another type."""
    if not isinstance(entry, dict):
        raise InputError(f"{where}: not a JSON object; is this the original file?")
    value = entry.get(name)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        raise InputError(f"{where}: {name} is {value!r}; the original file has another schema, so this is not read")
    return value
