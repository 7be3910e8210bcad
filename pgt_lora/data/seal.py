"""Whether a dataset directory still holds what its manifest says, and the seal of one that was edited by hand."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import json_or_none, read_json, write_json
from pgt_lora.data.parquet import PARQUET, SHARDS, examine_file, parquet_files, total, write_shard_lines
from pgt_lora.data.schema import check_manifest, renamed
from pgt_lora.data.turns import Form

__all__ = ["MANIFEST", "PARQUET", "checked_manifest", "read_manifest", "seal"]

MANIFEST = "manifest.json"
CHECKED = ".checked.json"  # the sizes and the times of the files when their content was last checked
CHECKS = 1  # what is checked; another number checks every directory once more
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
        raise InputError(f"{directory}: no {MANIFEST}, so this is not a finished dataset directory; make it again")
    manifest = renamed(read_json(path, "make the dataset again"))
    check_manifest(path, manifest)
    return {"rows": Form.QUESTIONS.value, **manifest}


def checked_manifest(directory: Path) -> dict[str, Any]:
    """Return the manifest of a directory that holds what it says: rows that mean something, with its hash.

    The rows are read only where a file's size or time is another than when they were last checked.

    Raises:
        InputError: the directory is unfinished or was edited, or a row means nothing.
    """
    manifest = read_manifest(directory)
    if _stamp(directory, manifest) == json_or_none(directory / CHECKED):
        return manifest
    found = examine(directory)
    seal_it = f"if that is meant, seal it again with: pgt-lora seal {directory}"
    if found["num_samples"] != manifest["num_samples"]:
        raise InputError(
            f"{_rows_of(directory)}: {found['num_samples']} rows, but {MANIFEST} says {manifest['num_samples']}; "
            f"{seal_it}"
        )
    if any(found[name] != manifest[name] for name in SAID_OF_ROWS):
        raise InputError(f"{_rows_of(directory)}: was edited since {MANIFEST} was written; {seal_it}")
    mark_checked(directory, found)
    return manifest


def seal(directory: Path) -> dict[str, Any]:
    """Check an edited dataset directory, write its manifest anew, and return that; it says that this was done by hand.

    Raises:
        InputError: there is no manifest, the columns are others, or a row means nothing.
    """
    manifest = read_manifest(directory)
    files = _examined(directory)
    found = _told(directory, files)
    if any(manifest[name] != value for name, value in found.items()):
        manifest |= found | {SEALED: True}
        manifest.pop("rejections", None)  # which were of the rows that were drawn
        if (directory / SHARDS).is_file():
            write_shard_lines(directory, files)
        write_json(directory / MANIFEST, manifest)
    mark_checked(directory, found)
    return manifest


def examine(directory: Path) -> dict[str, Any]:
    """Read every row of a dataset directory, and return their number, their counts and their hash.

    Raises:
        InputError: a file cannot be read, its columns are others, or a row means nothing.
    """
    return _told(directory, _examined(directory))


def _examined(directory: Path) -> list[dict[str, Any]]:
    """Return what each file holds."""
    seen: set[str] = set()
    remedy = f"fix or remove it, then: pgt-lora seal {directory}"
    return [examine_file(path, remedy, seen) for path in parquet_files(directory)]


def _told(directory: Path, files: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what a manifest says of files together."""
    facts = total(files) if (directory / SHARDS).is_file() else files[0]
    if not facts["num_samples"]:
        raise InputError(f"{_rows_of(directory)}: holds no rows; make the dataset again")
    return facts


def _rows_of(directory: Path) -> Path:
    """Return what a message names as the place of a directory's rows."""
    files = parquet_files(directory)
    return files[0] if len(files) == 1 else directory / "data"


def mark_checked(directory: Path, facts: Mapping[str, Any]) -> None:
    """Record that the rows were checked, as the file is now; where that cannot be written they are read each time."""
    with suppress(OSError):
        write_json(directory / CHECKED, _stamp(directory, facts))


def _stamp(directory: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {name: facts[name] for name in SAID_OF_ROWS}
    states = []
    for path in parquet_files(directory):
        try:
            state = path.stat()
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error}); make the dataset again") from error
        states.append([state.st_size, state.st_mtime_ns])
    return {"checks": CHECKS, "files": states, **told}
