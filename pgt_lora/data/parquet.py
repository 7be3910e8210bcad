"""The parquet files of a dataset directory: written, read batch by batch, and what they hold as one hash."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import read_json_lines, write_text
from pgt_lora.data.references import MESSAGES, REFERENCES
from pgt_lora.data.rows import checked
from pgt_lora.data.schema import features, form_of
from pgt_lora.data.turns import Form

PARQUET = "data/train-00000-of-00001.parquet"  # the Hub's own naming: load_dataset finds it without being told
SHARDS = "shards.jsonl"  # a line for each file, where a directory is made of several that are made apart
ROWS_PER_GROUP = 200
FACTS = b"pgt-lora"  # the key in a file's own metadata under which it says what it holds
Row = Mapping[str, Any]


def shard_path(shard: int, num_shards: int) -> str:
    """Return where a shard lies within its directory."""
    return f"data/train-{shard:05d}-of-{num_shards:05d}.parquet"


def parquet_files(directory: Path) -> list[Path]:
    """Return the files of a dataset directory in their order."""
    lines = shard_lines(directory)
    return [directory / shard_path(shard, len(lines)) for shard in range(len(lines))] or [directory / PARQUET]


def shard_lines(directory: Path) -> list[dict[str, Any]]:
    """Return what is recorded of each shard; nothing where the directory is one file.

    Raises:
        InputError: the record cannot be read.
    """
    path = directory / SHARDS
    if not path.is_file():
        return []
    try:
        return read_json_lines(path)
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read ({error}); make the dataset again") from error


def write_shard_lines(directory: Path, shards: Sequence[Mapping[str, Any]]) -> None:
    """Write what is recorded of each shard: its name, and then what it holds."""
    names = (shard_path(shard, len(shards)) for shard in range(len(shards)))
    lines = (json.dumps({"file": name} | dict(facts)) for name, facts in zip(names, shards, strict=True))
    write_text(directory / SHARDS, "".join(f"{line}\n" for line in lines))


def write_parquet(
    path: Path, rows: Iterable[Row], form: Form, by_reference: bool = False, more: Any = dict
) -> dict[str, Any]:
    """Write rows as a parquet file, and return what it holds; that and `more()` are kept in the file's metadata.

    Raises:
        InputError: a row means nothing.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = features(form, by_reference).arrow_schema
    if by_reference:
        schema = schema.remove_metadata()  # nobody need take it for a dataset with images
    tally = Tally(form)
    waiting: list[Row] = []
    with pq.ParquetWriter(path, schema) as writer:
        for row in tally.count(checked("what is to be written", rows, "fix it at its source")):
            waiting.append(dict(row) | {MESSAGES: row["messages"]} if by_reference else row)
            if len(waiting) == ROWS_PER_GROUP:
                writer.write_table(pa.Table.from_pylist(waiting, schema=schema))
                waiting = []
        writer.write_table(pa.Table.from_pylist(waiting, schema=schema))
        facts = tally.facts() | more()
        writer.add_key_value_metadata({FACTS: json.dumps(facts).encode()})
    return facts


def written_facts(path: Path) -> dict[str, Any] | None:
    """Return what a file's own metadata says that it holds; None where there is no such file of the kit's."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        facts = (pq.read_metadata(path).metadata or {}).get(FACTS)
        return None if facts is None else dict(json.loads(facts))
    except (OSError, ValueError, pa.ArrowException):
        return None


def stored_columns(path: Path) -> tuple[Form, bool]:
    """Return of what form a file's rows are, and whether they show images by reference; raise as `batches` does."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
        return form_of(path, schema), REFERENCES in schema.names
    except (OSError, UnicodeError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read ({' '.join(str(error).split())}); make the dataset again") from error


def batches(path: Path) -> Iterator[Any]:
    """Yield the rows of a dataset directory's parquet file as Arrow record batches of the columns' own types.

    Raises:
        InputError: the file cannot be read, or its columns are others.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Otherwise pyarrow holds all that it has read until the end.
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
            by_reference = REFERENCES in file.schema_arrow.names
            schema = features(form_of(path, file.schema_arrow), by_reference).arrow_schema
            for batch in file.iter_batches(ROWS_PER_GROUP, use_threads=False):
                batch.validate(full=True)  # text is UTF-8
                # Another writer may have chosen larger offsets.
                cast = batch if batch.schema.equals(schema) else batch.cast(schema)
                yield cast.rename_columns({MESSAGES: "messages"}) if by_reference else cast
    except (OSError, UnicodeError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read ({' '.join(str(error).split())}); make the dataset again") from error


def examine_file(path: Path, remedy: str, seen: set[str] | None = None) -> dict[str, Any]:
    """Read every row of a file, batch by batch, and return what it holds; `seen` are the ids of the files before it.

    Raises:
        InputError: the file cannot be read, its columns are others, or a row means nothing.
    """
    tally = Tally(stored_columns(path)[0])
    rows = (row for batch in batches(path) for row in batch.to_pylist())
    for _ in tally.count(checked(path, rows, remedy, seen)):
        pass
    return tally.facts()


class Tally:
    """The number of rows, how many each task has, and the hash over all, counted as the rows pass."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self._digest = hashlib.sha256()
        self._counts: Counter[str] = Counter()

    def count(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the rows as they come, each counted."""
        for row in rows:
            self._digest.update(row_digest(row))
            self._counts[row["task"]] += 1
            yield row

    def facts(self) -> dict[str, Any]:
        """Return what a manifest says of the rows that have passed."""
        return {
            "rows": self.form.value,
            "num_samples": self._counts.total(),
            "counts": dict(sorted(self._counts.items())),
            "content_hash": self._digest.hexdigest(),
        }


def row_digest(row: Row) -> bytes:
    """Return the SHA-256 of one row: its text columns and its images, by their bytes or as they are referred to."""
    text = {name: value for name, value in row.items() if name not in ("images", REFERENCES)}
    if REFERENCES in row:  # of which the digest stands for the bytes
        text[REFERENCES] = [{name: each[name] for name in ("path", "sha256", "overlay")} for each in row[REFERENCES]]
    digest = hashlib.sha256(json.dumps(text, sort_keys=True, separators=(",", ":")).encode())
    for image in row.get("images", ()):
        digest.update(hashlib.sha256(image["bytes"]).digest())
    return digest.digest()


def total(shards: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what several shards hold together; the hash is over theirs."""
    counts: Counter[str] = Counter()
    for facts in shards:
        counts.update(facts["counts"])
    return {
        "rows": shards[0]["rows"],
        "num_samples": counts.total(),
        "counts": dict(sorted(counts.items())),
        "content_hash": hashlib.sha256("".join(facts["content_hash"] for facts in shards).encode()).hexdigest(),
    }
