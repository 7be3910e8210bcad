"""Dataset directories: parquet that `datasets.load_dataset` opens, and a manifest that is written last."""

import hashlib
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.versions import versions
from pgt_lora.data.sample import Sample

MANIFEST = "manifest.json"
FORMAT = 1
PARQUET = "data/train-00000-of-00001.parquet"  # the Hub's own naming: load_dataset finds it without being told
ROWS_PER_GROUP = 200
VERSIONS = ("pgt-lora", "datasets", "pillow", "pyarrow")  # what a dataset's content depends on


def features() -> Any:
    """Return the columns of a dataset directory as `datasets.Features`."""
    from datasets import Features, Image, List, Value

    text = Value("string")
    turns = [{"role": text, "content": text}]
    names = ("source", "task", "template", "answer")
    return Features(
        {"id": text, "images": List(Image()), "prompt": turns, "completion": turns}
        | dict.fromkeys(names, text)
        | {"choices": List(text), "answer_format": text, "group": text, "scene": text}
    )


@contextmanager
def new_directory(out: Path, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary directory beside `out` that becomes `out` when the block ends well, and vanishes otherwise.

    Raises:
        InputError: `out` exists and `overwrite` is not set.
    """
    if out.exists() and not (overwrite and out.is_dir()):
        raise InputError(f"{out} exists; choose another directory" + (" or pass --overwrite" if out.is_dir() else ""))
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f"{out.name}.partial-", dir=out.parent))
    try:
        yield partial
        partial.chmod(0o755)  # mkdtemp makes it private
        if out.exists():
            shutil.rmtree(out)
        partial.replace(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_samples(directory: Path, samples: Iterable[Sample]) -> dict[str, Any]:
    """Write samples as parquet into a new directory; return the part of the manifest that describes them."""
    return write_rows(directory, (sample.to_row() for sample in samples))


def write_rows(directory: Path, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Write rows as `Sample.to_row` makes them, or as another dataset directory holds them; return as above."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = features().arrow_schema
    digest = hashlib.sha256()
    counts: Counter[str] = Counter()
    path = directory / PARQUET
    path.parent.mkdir()
    waiting: list[Mapping[str, Any]] = []
    with pq.ParquetWriter(path, schema) as writer:
        for row in rows:
            digest.update(row_digest(row))
            counts[row["task"]] += 1
            waiting.append(row)
            if len(waiting) == ROWS_PER_GROUP:
                writer.write_table(pa.Table.from_pylist(waiting, schema=schema))
                waiting = []
        writer.write_table(pa.Table.from_pylist(waiting, schema=schema))
    return {
        "num_samples": counts.total(),
        "counts": dict(sorted(counts.items())),
        "content_hash": digest.hexdigest(),
        "versions": versions(*VERSIONS),
    }


def is_made(directory: Path, asked: Mapping[str, Any]) -> bool:
    """Tell whether a finished dataset directory is what is asked for, made by these versions."""
    if not (directory / MANIFEST).is_file():
        return False
    manifest = read_manifest(directory)
    return bool(manifest["asked"] == asked and manifest["versions"] == versions(*VERSIONS))


def write_manifest(directory: Path, asked: Mapping[str, Any], made: Mapping[str, Any]) -> None:
    """Write the manifest, which declares the directory finished: what was asked for, and what was made."""
    write_json(directory / MANIFEST, {"format": FORMAT, "asked": asked, **made})


def row_digest(row: Mapping[str, Any]) -> bytes:
    """Return the SHA-256 of one row: its text columns and the bytes of its images."""
    text = {name: value for name, value in row.items() if name != "images"}
    digest = hashlib.sha256(json.dumps(text, sort_keys=True, separators=(",", ":")).encode())
    for image in row["images"]:
        digest.update(hashlib.sha256(image["bytes"]).digest())
    return digest.digest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path: Path, value: object) -> None:
    """Write JSON so that the file is either the old one or the new one, never half of it."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write text in the same way."""
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def read_manifest(directory: Path) -> dict[str, Any]:
    """Return the manifest of a finished dataset directory.

    Raises:
        InputError: there is no such directory, no manifest (so it was not finished), or one of another format.
    """
    path = directory / MANIFEST
    if not directory.is_dir():
        raise InputError(f"{directory}: no such dataset directory; make one with: pgt-lora generate --out {directory}")
    if not path.is_file():
        raise InputError(f"{directory}: no {MANIFEST}, so this is no finished dataset directory; make it again")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: not JSON ({error}); make the dataset again") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise InputError(f"{path}: not a manifest of format {FORMAT}; make the dataset again")
    return manifest


def open_dataset(directory: Path) -> Any:
    """Open a finished dataset directory as a `datasets.Dataset`, its images as encoded files.

    Raises:
        InputError: the directory is unfinished, or its parquet file is not what the manifest says.
    """
    import pyarrow.parquet as pq
    from datasets import Dataset, DatasetInfo, Image, List

    manifest = read_manifest(directory)
    path = directory / PARQUET
    try:
        table = pq.read_table(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); make the dataset again") from error
    if table.schema.names != list(features()):
        raise InputError(f"{path}: its columns are not those of a dataset directory; make the dataset again")
    if table.num_rows != manifest["num_samples"]:
        raise InputError(f"{path}: {table.num_rows} rows, but {MANIFEST} says {manifest['num_samples']}; make it again")
    encoded = features() | {"images": List(Image(decode=False))}
    return Dataset(table, info=DatasetInfo(features=type(features())(encoded)))
