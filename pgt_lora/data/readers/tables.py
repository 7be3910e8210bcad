"""Files of rows, each row with the words that name its place: JSON, JSON lines, CSV and parquet."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError, choices
from pgt_lora.core.files import file_digest
from pgt_lora.data.limit import nested

Rows = Iterator[tuple[str, Any]]  # the words that name a row, and the row, or the `InputError` that it cannot be read
ROWS_AT_A_TIME = 256
POINTER = b"version https://git-lfs"  # how the file begins that a clone without Git LFS has in a file's place
LONGEST_CELL = 2**31 - 1  # characters: as many as every platform lets csv read; images stand in cells, too
BLANK = re.compile(r"\s*")
SEPARATORS = {";": "semicolons", "\t": "tabs", ",": "commas"}


@dataclass(frozen=True)
class Table:
    """Rows that can be read as often as needed.

    `name` is what the dataset is called. Paths of images are relative to `folder`; None where the rows are not of this
    machine. `facts` are what the manifest says of where they come from. `kept` are the numbers of the rows that are
    wanted, None where all are.
    """

    name: str
    rows: Callable[[], Rows]
    folder: Path | None
    facts: Mapping[str, Any] = field(default_factory=dict)
    kept: frozenset[int] | None = None

    def numbered(self) -> Iterator[tuple[int, str, Any]]:
        """Yield the rows that are wanted, each behind its number in the table, from 1 on."""
        for number, (where, values) in enumerate(self.rows(), 1):
            if self.kept is None or number in self.kept:
                yield number, where, values

    def id_of(self, number: int) -> str:
        """Return the id of the row of a number in what is imported."""
        return f"{self.name}-{number:06d}"

    def limited(self, limit: int | None) -> "Table":
        """Return the table with so many of its rows, in their order; those of a smaller limit are among them."""
        if limit is None:
            return self
        ids = (self.id_of(number) for number, _ in enumerate(self.rows(), 1))
        return replace(self, kept=frozenset(place + 1 for place in nested(ids, limit)))


def open_file(path: Path) -> Table:
    """Return the rows of a file, by its suffix.

    Raises:
        InputError: the suffix is not known. What cannot be read is told when the rows are.
    """
    if path.suffix.lower() not in KINDS:
        raise InputError(f"{path}: not a known kind of file; known: {choices(KINDS)}")
    read = KINDS[path.suffix.lower()]
    return Table(path.stem, lambda: read(path), path.parent, {"files": {path.name: file_digest(path)}})


def arrow_rows(tables: Iterator[Any], place: str) -> Rows:
    """Yield the rows of Arrow tables or batches; classes that are numbers there go by their names."""
    number = 0
    names: dict[str, list[str]] | None = None
    for table in tables:
        names = _classes(table.schema) if names is None else names
        for row in table.to_pylist():
            number += 1
            for column, known in names.items():
                if row[column] is not None:
                    row[column] = known[row[column]]
            yield f"{place}, row {number}", row


def _classes(schema: Any) -> dict[str, list[str]]:
    from datasets import ClassLabel, Features

    features = Features.from_arrow_schema(schema)
    return {name: feature.names for name, feature in features.items() if isinstance(feature, ClassLabel)}


def _parquet(path: Path) -> Rows:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            yield from arrow_rows(file.iter_batches(ROWS_AT_A_TIME, use_threads=False), str(path))
    except (OSError, pa.ArrowException) as error:
        if _is_pointer(path):
            raise InputError(
                f"{path}: a pointer of Git LFS in the place of the file; run git lfs pull there"
            ) from error
        raise InputError(f"{path}: cannot be read ({' '.join(str(error).split())}); download it again") from error


def _is_pointer(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(POINTER)) == POINTER


def _json(path: Path) -> Rows:
    """Yield the entries of one list, or of one object behind the other."""
    text = _text(path)
    at = _blank(text, 0)
    if text[at : at + 1] != "[":
        if _is_one_object(text):
            raise InputError(f"{path}: one object over several lines; write the rows as a list: [{{…}}, {{…}}]")
        yield from _json_lines(path)
        return
    decoder, line, counted, number = json.JSONDecoder(), 1, 0, 0
    at = _blank(text, at + 1)
    while at < len(text) and text[at] != "]":
        line, counted, number = line + text.count("\n", counted, at), at, number + 1
        try:
            row, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            wrong = line + text.count("\n", at, getattr(error, "pos", at))
            raise InputError(f"{path}, line {wrong}: not JSON ({getattr(error, 'msg', error)}); fix it") from error
        yield f"{path}, line {line} (row {number})", row
        at = _blank(text, end)
        if text[at : at + 1] == ",":
            at = _blank(text, at + 1)
        elif at < len(text) and text[at] != "]":
            wrong = line + text.count("\n", counted, at)
            raise InputError(f"{path}, line {wrong}: not JSON (no comma before this row); fix it")
    if text[at:].strip() != "]":
        raise InputError(f"{path}: the list of rows does not end, or something follows it; is the file complete?")


def _is_one_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict) and "\n" in text.strip()
    except (ValueError, RecursionError):
        return False


def _blank(text: str, at: int) -> int:
    """Return where the white space ends that begins here."""
    return BLANK.match(text, at).end()  # type: ignore[union-attr]


def _json_lines(path: Path) -> Rows:
    with path.open("rb") as lines:  # bytes end at newlines alone, text would end at other separators too
        for number, line in enumerate(lines, 1):
            where = f"{path}, line {number}"
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                if text.strip():
                    yield where, json.loads(text)
            except UnicodeError as error:
                yield where, InputError(f"not UTF-8 ({error}); save the file as UTF-8")
            except (ValueError, RecursionError) as error:
                yield where, InputError(f"not JSON ({error})")


def _csv(path: Path) -> Rows:
    csv.field_size_limit(LONGEST_CELL)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    lines = csv.reader(io.StringIO(_text(path)), delimiter=delimiter)
    try:
        head = next(lines, [])
        if len(head) == 1 and (others := [SEPARATORS[each] for each in head[0] if each in SEPARATORS]):
            wanted = SEPARATORS[delimiter]
            raise InputError(f"{path}, line 1: one column with {others[0]} in its name; save the file with {wanted}")
        if twice := [name for name in head if head.count(name) > 1]:
            raise InputError(f"{path}, line 1: two columns are named {twice[0]!r}; rename one")
        begun = lines.line_num + 1
        for values in lines:
            where, begun = f"{path}, line {begun}", lines.line_num + 1
            if len(values) == len(head):
                yield where, dict(zip(head, values, strict=True))
            elif values:
                yield where, InputError(f"{len(values)} values in {len(head)} columns")
    except csv.Error as error:
        raise InputError(f"{path}, line {lines.line_num}: not CSV ({error}); fix it") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 ({error}); save it as UTF-8") from error


KINDS: dict[str, Callable[[Path], Rows]] = {
    ".json": _json, ".jsonl": _json_lines, ".ndjson": _json_lines, ".csv": _csv, ".tsv": _csv, ".parquet": _parquet,
}  # fmt: skip
