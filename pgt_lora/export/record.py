"""What a verification wrote down, read without what verifies."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pgt_lora.core.files import file_digest, json_or_none, read_json
from pgt_lora.core.new_directory import MARKER

VERIFICATION = "verification.json"


def has_passed(merged: Path, scores: Iterable[str] = ()) -> bool:
    """Tell whether a merged checkpoint's own record says that it passed its verification, these scores compared."""
    record = _read(merged)
    return record.get("passed") is True and set(scores) <= record.get("sha256", {}).keys()


def verified_dtype(merged: Path) -> str | None:
    """Return the type that the base was cast to for a merged checkpoint that passed its verification, if to any."""
    dtype = _read(merged).get("dtype") if has_passed(merged) else None
    return dtype if isinstance(dtype, str) else None


def _read(merged: Path) -> dict[str, Any]:
    record = json_or_none(merged / VERIFICATION)
    return record if isinstance(record, dict) else {}


def fingerprints(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a checkpoint or adapter, but for the verification and the kit's marker."""
    found = directory.iterdir() if directory.is_dir() else ()
    files = sorted(path for path in found if path.is_file() and path.name not in (VERIFICATION, MARKER))
    return {path.name: file_digest(path) for path in files}


def changed_files(directory: Path, then: Mapping[str, str]) -> list[str]:
    """Return the names of the files of a directory that are no longer what their hashes were."""
    now = fingerprints(directory)
    return sorted(file for file in now.keys() | then.keys() if now.get(file) != then.get(file))


def is_as_proven(run: Path) -> bool:
    """Tell whether all files of a run are those that the verification of its merged checkpoint saw, by their hashes."""
    proven = read_json(run / "merged" / VERIFICATION).get("sha256", {})
    return not any(changed_files(run / name, then) for name, then in proven.items())
