"""Dataset directories: parquet that `datasets.load_dataset` opens, and a manifest that is written last."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import write_json
from pgt_lora.core.new_directory import beside, clear_dead
from pgt_lora.core.versions import versions
from pgt_lora.data.rows import checked
from pgt_lora.data.sample import Sample
from pgt_lora.data.schema import FORMAT, features
from pgt_lora.data.seal import (
    MANIFEST,
    PARQUET,
    ROWS_PER_GROUP,
    SEALED,
    Tally,
    batches,
    checked_manifest,
    mark_checked,
    read_manifest,
    stored_form,
)
from pgt_lora.data.turns import Form

__all__ = ["MANIFEST", "PARQUET", "features", "open_dataset", "read_manifest"]

VERSIONS = ("pgt-lora", "datasets", "pillow", "pyarrow")  # what a dataset's content depends on
IN_MEMORY_BYTES = 64 << 20  # of a parquet file; a larger one is laid out beside itself as a file that is mapped


def write_samples(directory: Path, samples: Iterable[Sample], form: Form = Form.QUESTIONS) -> dict[str, Any]:
    """Write samples as parquet into a new directory; return the part of the manifest that describes them.

    Raises:
        InputError: a row means nothing, or is a conversation where the `form` is single questions.
    """
    return write_rows(directory, (sample.to_row(form) for sample in samples), form)


def write_rows(directory: Path, rows: Iterable[Mapping[str, Any]], form: Form) -> dict[str, Any]:
    """Write rows as `Sample.to_row` makes them, or as another dataset directory holds them; return as above.

    Raises:
        InputError: a row means nothing.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = features(form).arrow_schema
    tally = Tally(form)
    path = directory / PARQUET
    path.parent.mkdir()
    waiting: list[Mapping[str, Any]] = []
    with pq.ParquetWriter(path, schema) as writer:
        for row in tally.count(checked("what is to be written", rows, "mend it where it comes from")):
            waiting.append(row)
            if len(waiting) == ROWS_PER_GROUP:
                writer.write_table(pa.Table.from_pylist(waiting, schema=schema))
                waiting = []
        writer.write_table(pa.Table.from_pylist(waiting, schema=schema))
    return tally.facts() | {"versions": versions(*VERSIONS)}


def is_made(directory: Path, asked: Mapping[str, Any]) -> bool:
    """Tell whether a finished dataset directory is what is asked for, made by these versions.

    Raises:
        InputError: it was, but its rows were edited and sealed by hand.
    """
    if not (directory / MANIFEST).is_file():
        return False
    manifest = read_manifest(directory)
    if manifest["asked"] == asked and manifest.get(SEALED):
        raise InputError(
            f"{directory}: was sealed by hand, so it is no longer what is made under this name; move it elsewhere and "
            "pass it with --data, or delete it"
        )
    return bool(manifest["asked"] == asked and manifest["versions"] == versions(*VERSIONS))


def write_manifest(directory: Path, asked: Mapping[str, Any], made: Mapping[str, Any]) -> None:
    """Write the manifest, which declares the directory finished: what was asked for, and what was made."""
    write_json(directory / MANIFEST, {"format": FORMAT, "asked": asked, **made})
    mark_checked(directory, made)  # every row was, when it was written


def open_dataset(directory: Path) -> Any:
    """Open a finished dataset directory as a `datasets.Dataset`, its images as encoded files.

    Raises:
        InputError: the directory is unfinished, or its parquet file is not what the manifest says.
    """
    from datasets import Dataset, DatasetInfo, Image, List

    manifest = checked_manifest(directory)
    columns = features(Form(manifest["rows"]))
    info = DatasetInfo(features=type(columns)(columns | {"images": List(Image(decode=False))}))
    if (directory / PARQUET).stat().st_size <= IN_MEMORY_BYTES:
        import pyarrow as pa

        schema = columns.arrow_schema
        parts = [_cast(batch, schema) for batch in batches(directory / PARQUET)]
        return Dataset(pa.Table.from_batches(parts, schema), info=info)
    return Dataset.from_file(str(_mapped(directory, manifest["content_hash"])), info=info)


def _cast(batch: Any, schema: Any) -> Any:
    """Return a record batch with the columns' own types, where another writer chose larger offsets."""
    return batch if batch.schema.equals(schema) else batch.cast(schema)


def _mapped(directory: Path, content_hash: str) -> Path:
    """Return the dataset's rows as an Arrow file, which is read where it lies; made where it is not there yet.

    It lies beside the parquet file, or where that cannot be, in the user's cache.

    Raises:
        InputError: there is no room for it.
    """
    import pyarrow as pa

    parent = (directory / PARQUET).parent
    if not os.access(parent, os.W_OK):
        parent = Path("~/.cache/pgt-lora/rows").expanduser()
    path = parent / f".rows-{content_hash[:16]}.arrow"
    if path.is_file():
        return path
    try:
        parent.mkdir(parents=True, exist_ok=True)
        clear_dead(path)
        partial = beside(path, "partial")
        schema = features(stored_form(directory / PARQUET)).arrow_schema
        try:
            with pa.OSFile(str(partial), "wb") as file, pa.ipc.new_stream(file, schema) as writer:
                for batch in batches(directory / PARQUET):
                    writer.write_batch(_cast(batch, schema))
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error}); is the disk full?") from error
    if parent == (directory / PARQUET).parent:
        for other in set(parent.glob(".rows-*.arrow")) - {path}:
            other.unlink()  # of rows that were edited since
    return path
