"""Whether a dataset directory still holds what its manifest says, and the seal of one that was edited by hand."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import write_json
from pgt_lora.data.rows import checked
from pgt_lora.data.schema import check_manifest, form_of
from pgt_lora.data.turns import Form

MANIFEST = "manifest.json"
PARQUET = "data/train-00000-of-00001.parquet"  # the Hub's own naming: load_dataset finds it without being told
CHECKED = ".checked.json"  # the size and the time of the file when its content was last checked
CHECKS = 1  # what is checked; another number checks every directory once more
ROWS_PER_GROUP = 200
SEALED = "sealed_by_hand"
SAID_OF_ROWS = ("rows", "num_samples", "counts", "content_hash")


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
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({error}); make the dataset again") from error
    check_manifest(path, manifest)
    return {"rows": Form.QUESTIONS.value, **manifest}


def checked_manifest(directory: Path) -> dict[str, Any]:
    """Return the manifest of a directory that holds what it says: rows that mean something, with its hash.

    The rows are read only where the file's size or time is another than when they were last checked.

    Raises:
        InputError: the directory is unfinished or was edited, or a row means nothing.
    """
    manifest = read_manifest(directory)
    if _stamp(directory, manifest) == _last_stamp(directory):
        return manifest
    found = examine(directory)
    seal_it = f"if that is meant, seal it again with: pgt-lora seal {directory}"
    if found["num_samples"] != manifest["num_samples"]:
        raise InputError(
            f"{directory / PARQUET}: {found['num_samples']} rows, but {MANIFEST} says {manifest['num_samples']}; "
            f"{seal_it}"
        )
    if any(found[name] != manifest[name] for name in SAID_OF_ROWS):
        raise InputError(f"{directory / PARQUET}: was edited since {MANIFEST} was written; {seal_it}")
    mark_checked(directory, found)
    return manifest


def seal(directory: Path) -> dict[str, Any]:
    """Check an edited dataset directory, write its manifest anew, and return that; it says that this was done by hand.

    Raises:
        InputError: there is no manifest, the columns are others, or a row means nothing.
    """
    manifest = read_manifest(directory)
    found = examine(directory)
    if any(manifest[name] != value for name, value in found.items()):
        manifest |= found | {SEALED: True}
        manifest.pop("rejections", None)  # which were of the rows that were drawn
        write_json(directory / MANIFEST, manifest)
    mark_checked(directory, found)
    return manifest


def examine(directory: Path) -> dict[str, Any]:
    """Read every row of a dataset directory, batch by batch, and return their number, their counts and their hash.

    Raises:
        InputError: the file cannot be read, its columns are others, or a row means nothing.
    """
    path = directory / PARQUET
    tally = Tally(stored_form(path))
    remedy = f"mend or remove it, then: pgt-lora seal {directory}"
    for _ in tally.count(checked(path, (row for batch in batches(path) for row in batch.to_pylist()), remedy)):
        pass
    facts = tally.facts()
    if not facts["num_samples"]:
        raise InputError(f"{path}: holds no rows; make the dataset again")
    return facts


def stored_form(path: Path) -> Form:
    """Return what the rows of a dataset directory's parquet file are; raise `InputError` as `batches` does."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return form_of(path, pq.read_schema(path))
    except (OSError, UnicodeError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read ({' '.join(str(error).split())}); make the dataset again") from error


def batches(path: Path) -> Iterator[Any]:
    """Yield the rows of a dataset directory's parquet file as Arrow record batches.

    Raises:
        InputError: the file cannot be read, or its columns are others.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Otherwise pyarrow holds all that it has read until the end.
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
            form_of(path, file.schema_arrow)
            for batch in file.iter_batches(ROWS_PER_GROUP, use_threads=False):
                batch.validate(full=True)  # text is UTF-8
                yield batch
    except (OSError, UnicodeError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read ({' '.join(str(error).split())}); make the dataset again") from error


class Tally:
    """The number of rows, how many each task has, and the hash over all, counted as the rows pass."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self._digest = hashlib.sha256()
        self._counts: Counter[str] = Counter()

    def count(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
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


def row_digest(row: Mapping[str, Any]) -> bytes:
    """Return the SHA-256 of one row: its text columns and the bytes of its images."""
    text = {name: value for name, value in row.items() if name != "images"}
    digest = hashlib.sha256(json.dumps(text, sort_keys=True, separators=(",", ":")).encode())
    for image in row["images"]:
        digest.update(hashlib.sha256(image["bytes"]).digest())
    return digest.digest()


def mark_checked(directory: Path, facts: Mapping[str, Any]) -> None:
    """Record that the rows were checked, as the file is now; where that cannot be written they are read each time."""
    with suppress(OSError):
        write_json(directory / CHECKED, _stamp(directory, facts))


def _stamp(directory: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    try:
        state = (directory / PARQUET).stat()
    except OSError as error:
        raise InputError(f"{directory / PARQUET}: cannot be read ({error}); make the dataset again") from error
    told = {name: facts[name] for name in SAID_OF_ROWS}
    return {"checks": CHECKS, "size": state.st_size, "mtime_ns": state.st_mtime_ns, **told}


def _last_stamp(directory: Path) -> Any:
    try:
        return json.loads((directory / CHECKED).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
