"""Benchmarks on the Hub that carry their images with them, read as the kit reads its own sources."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import read_json
from pgt_lora.data.sources.groups import coco_group
from pgt_lora.data.sources.source import Annotations, ImageRef, Row, SourceSettings, field_of, inner_path
from pgt_lora.data.sources.store import LOCAL, PARQUET
from pgt_lora.studies.benchmarks.boxes import Boxes, boxes_of_choices

Read = Callable[[Path, str, SourceSettings], Annotations]
GQA_QUESTIONS, GQA_IMAGES = "testdev_balanced_instructions", "testdev_balanced_images"


@dataclass(frozen=True)
class BoxedRow(Row):
    """A row whose file holds boxes: those of the objects that its options name, by letter."""

    boxes: Boxes | None = None


def read_cv_bench(dimension: str) -> Read:
    """Return what reads the questions of one dimension of CV-Bench, `2D` or `3D`."""

    def read(path: Path, split: str, settings: SourceSettings) -> Annotations:
        rows, drawn = [], []
        for where, index, entry in _table(path, ("type", "task", "question", "choices", "answer"), ("bbox",)):
            if entry["type"] != dimension:
                continue
            options = _options(entry, "choices", where)
            answer = field_of(entry, "answer", str, where).strip(" ()")
            drawn.append(entry.get("bbox"))
            row = _row("cv-bench", entry, path, index, _letter(answer, options, where), where)
            rows.append(BoxedRow(**vars(replace(row, kind=field_of(entry, "task", str, where), options=options))))
        found = boxes_of_choices([(row.question, row.options or ()) for row in rows], drawn)
        return Annotations(tuple(replace(row, boxes=each) for row, each in zip(rows, found, strict=True)))

    return read


def read_pope(path: Path, split: str, settings: SourceSettings) -> Annotations:
    """Read POPE: questions whose answer is yes or no.

    Raises:
        InputError: a row is of another form.
    """
    rows = []
    for where, index, entry in _table(path, ("question", "answer"), ("image_source", "category")):
        answer = field_of(entry, "answer", str, where).strip().capitalize()
        if answer not in ("Yes", "No"):
            raise InputError(f"{where}: the answer {entry['answer']!r} is neither yes nor no")
        row = _row("pope", entry, path, index, answer, where)
        group = coco_group(entry["image_source"], where) if entry.get("image_source") else row.group
        rows.append(replace(row, group=group, kind=entry.get("category") or "pope"))
    return Annotations(tuple(rows))


def read_gqa(path: Path, split: str, settings: SourceSettings) -> Annotations:
    """Read GQA's questions; their images lie in the files of another folder beside them, by id.

    Raises:
        InputError: a row is of another form, or an image is missing.
    """
    places = {
        field_of(entry, "id", str, where): ImageRef(PARQUET.name, str(file), index)
        for file in sorted((path.parent.parent / GQA_IMAGES).glob("*.parquet"))
        for where, index, entry in _table(file, ("id",))
    }
    rows = []
    for where, index, entry in _table(path, ("imageId", "question", "answer"), has_image=False):
        image = field_of(entry, "imageId", str, where)
        if image not in places:
            raise InputError(f"{where}: no image {image!r} in {path.parent.parent / GQA_IMAGES}")
        row = _row("gqa", entry, path, index, field_of(entry, "answer", str, where).strip(), where)
        rows.append(replace(row, images=(places[image],), group=f"gqa:{image}"))
    return Annotations(tuple(rows))


def read_ai2d(path: Path, split: str, settings: SourceSettings) -> Annotations:
    """Read AI2D: a parquet file of the Hub's test split, or one question file of the original, which holds all of it.

    Raises:
        InputError: a row is of another form.
    """
    if path.suffix == ".json":
        return Annotations(tuple(_of_diagram(path)))
    rows = []
    for where, index, entry in _table(path, ("question", "options", "answer")):
        options = _options(entry, "options", where)
        answer = str(field_of(entry, "answer", (str, int), where))
        row = _row("ai2d", entry, path, index, _numbered(answer, options, where), where)
        rows.append(replace(row, options=options))
    return Annotations(tuple(rows))


def _of_diagram(path: Path) -> Iterator[Row]:
    entry = read_json(path, "download the file again")
    name = inner_path(field_of(entry, "imageName", str, str(path)), str(path))
    image = ImageRef(LOCAL.name, str(path.parent.parent / "images" / name))
    for number, (question, about) in enumerate(field_of(entry, "questions", dict, str(path)).items()):
        where = f"{path}, question {number + 1}"
        options = _options(about, "answerTexts", where)
        answer = _numbered(str(field_of(about, "correctAnswer", int, where)), options, where)
        yield Row(f"ai2d-{name}-{number}", question.strip(), answer, (image,), f"ai2d:{name}", "ai2d", options)


def _row(name: str, entry: dict[str, Any], path: Path, index: int, answer: str, where: str) -> Row:
    """Return a row whose image lies in the same row of the same file, as an image of its own."""
    question = field_of(entry, "question", str, where).strip()
    label = f"{path.stem}-{index:06d}"
    image = ImageRef(PARQUET.name, str(path), index)
    return Row(f"{name}-{label}", question, answer, (image,), f"{name}:{label}", name)


def _options(entry: Any, name: str, where: str) -> tuple[str, ...]:
    options = field_of(entry, name, list, where)
    if not 2 <= len(options) <= len(ascii_uppercase):
        raise InputError(f"{where}: {len(options)} {name}; a question has 2 or more")
    return tuple(str(option).strip() for option in options)


def _letter(answer: str, options: tuple[str, ...], where: str) -> str:
    if answer not in tuple(ascii_uppercase[: len(options)]):
        raise InputError(f"{where}: the answer {answer!r} is not a letter of the {len(options)} options")
    return answer


def _numbered(answer: str, options: tuple[str, ...], where: str) -> str:
    if not answer.isdecimal() or int(answer) >= len(options):
        raise InputError(f"{where}: the answer {answer!r} is not a number of the {len(options)} options")
    return ascii_uppercase[int(answer)]


def _table(
    path: Path, needed: tuple[str, ...], optional: tuple[str, ...] = (), has_image: bool = True
) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield the rows of a parquet file without their images: the words that name a row, its number, its columns.

    Raises:
        InputError: the file cannot be read, or has other columns.
    """
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); download the file again") from error
    names = file.schema_arrow.names
    missing = [name for name in (*needed, *(["image"] if has_image else [])) if name not in names]
    if missing:
        raise InputError(f"{path}: no column {missing[0]!r}; it has {', '.join(names)}; take the Hub's own file")
    index = 0
    for batch in file.iter_batches(columns=[*needed, *(name for name in optional if name in names)]):
        for entry in batch.to_pylist():
            yield f"{path}, row {index + 1}", index, entry
            index += 1
