"""Dataset directories: parquet that `datasets.load_dataset` opens, and a manifest that is written last."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import write_json
from pgt_lora.core.new_directory import beside, clear_dead
from pgt_lora.core.versions import versions
from pgt_lora.core.workspace import user_cache
from pgt_lora.data.parquet import PARQUET, batches, parquet_files, stored_columns, write_parquet
from pgt_lora.data.references import MESSAGES, REFERENCES
from pgt_lora.data.sample import Sample
from pgt_lora.data.schema import FORMAT, features
from pgt_lora.data.seal import MANIFEST, SEALED, checked_manifest, mark_checked, read_manifest
from pgt_lora.data.turns import Form

__all__ = ["MANIFEST", "PARQUET", "features", "open_dataset", "read_manifest"]

VERSIONS = ("pgt-lora", "datasets", "pillow", "pyarrow")  # what a dataset's content depends on
IMAGE_ROOT = "image_root"  # in the manifest: where the paths of images by reference begin
IN_MEMORY_BYTES = 64 << 20  # of parquet; more is laid out beside it as a file that is mapped


def write_samples(directory: Path, samples: Iterable[Sample], form: Form = Form.QUESTIONS) -> dict[str, Any]:
    """Write samples as parquet into a new directory; return the part of the manifest that describes them.

    Raises:
        InputError: a row means nothing, or is a conversation where the `form` is single questions.
    """
    return write_rows(directory, (sample.to_row(form) for sample in samples), form)


def write_rows(
    directory: Path, rows: Iterable[Mapping[str, Any]], form: Form, by_reference: bool = False
) -> dict[str, Any]:
    """Write rows as `Sample.to_row` makes them, or as another dataset directory holds them; return as above.

    Conversations may show their images by reference.

    Raises:
        InputError: a row means nothing.
    """
    path = directory / PARQUET
    path.parent.mkdir()
    return write_parquet(path, rows, form, by_reference) | {"versions": versions(*VERSIONS)}


def is_current(directory: Path) -> bool:
    """Tell whether a finished dataset directory is there, made by these versions."""
    return (directory / MANIFEST).is_file() and _is_of_these_versions(read_manifest(directory))


def _is_of_these_versions(manifest: Mapping[str, Any]) -> bool:
    return bool(manifest["versions"] == versions(*VERSIONS))


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
            f"{directory}: was sealed by hand, so it is no longer what the kit makes under this name; move it "
            "elsewhere and pass it with --data, or delete it"
        )
    return manifest["asked"] == asked and _is_of_these_versions(manifest)


def write_manifest(directory: Path, asked: Mapping[str, Any], made: Mapping[str, Any]) -> None:
    """Write the manifest, which declares the directory finished: what was asked for, and what was made."""
    write_json(directory / MANIFEST, {"format": FORMAT, "asked": asked, **made})
    mark_checked(directory, made)  # every row was, when it was written


def open_dataset(directory: Path, read_images: bool = True) -> Any:
    """Open a finished dataset directory as a `datasets.Dataset`, its images as encoded files.

    Images by reference are read, and drawn over, when their row is; without `read_images` they stay references.

    Raises:
        InputError: the directory is unfinished, or its rows are not what the manifest says.
    """
    from datasets import Dataset, DatasetInfo

    manifest, files = checked_manifest(directory), parquet_files(directory)
    columns = _columns(directory, manifest, stored_columns(files[0])[1], read_images)
    info = DatasetInfo(features=columns)
    if sum(path.stat().st_size for path in files) <= IN_MEMORY_BYTES:
        import pyarrow as pa

        return Dataset(pa.Table.from_batches(list(_opened(files)), columns.arrow_schema), info=info)
    return Dataset.from_file(str(_mapped(directory, manifest["content_hash"])), info=info)


def _columns(directory: Path, manifest: Mapping[str, Any], by_reference: bool, read_images: bool) -> Any:
    """Return the columns of a directory as it is opened, as `datasets.Features`."""
    from datasets import Features, Image, List, Value

    if not by_reference:
        return Features(features(Form(manifest["rows"])) | {"images": List(Image(decode=False))})
    from pgt_lora.data.drawn_images import STRUCT, DrawnImages

    as_stored = List({each.name: Value(str(each.type)) for each in STRUCT})
    images = DrawnImages(manifest.get(IMAGE_ROOT, ""), str(directory)) if read_images else as_stored
    names = {REFERENCES: "images", MESSAGES: "messages"}
    stored = features(Form.CONVERSATIONS, by_reference=True)
    return Features({names.get(name, name): each for name, each in stored.items()} | {"images": images})


def _opened(files: Iterable[Path]) -> Iterator[Any]:
    """Yield the rows of files as they are opened, as record batches without metadata."""
    for path in files:
        if stored_columns(path)[1]:
            from pgt_lora.data.drawn_images import opened

            yield from map(opened, batches(path))
        else:
            yield from (batch.replace_schema_metadata(None) for batch in batches(path))


def _mapped(directory: Path, content_hash: str) -> Path:
    """Return the dataset's rows as an Arrow file, which is read where it lies; made where it is not there yet.

    It lies beside the parquet files, or where that cannot be, in the user's cache.

    Raises:
        InputError: there is no room for it.
    """
    import pyarrow as pa

    parent = beside_rows = (directory / PARQUET).parent
    if not os.access(parent, os.W_OK):
        parent = user_cache() / "rows"
    path = parent / f".rows-{content_hash[:16]}.arrow"
    if path.is_file():
        return path
    try:
        parent.mkdir(parents=True, exist_ok=True)
        clear_dead(path)
        partial = beside(path, "partial")
        rows = _opened(parquet_files(directory))
        first = next(rows)
        try:
            with pa.OSFile(str(partial), "wb") as file, pa.ipc.new_stream(file, first.schema) as writer:
                writer.write_batch(first)
                for batch in rows:
                    writer.write_batch(batch)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error}); is the disk full?") from error
    if parent == beside_rows:
        for other in set(parent.glob(".rows-*.arrow")) - {path}:
            other.unlink()  # of rows that were edited since
    return path
