"""Files that are whole or not there, and what they hold in one number."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path, then: str = "make it again, or take it from where it was copied") -> Any:
    """Return what a file of JSON says.

    Raises:
        InputError: it is not there, cannot be read, or is no JSON; the message names it, and what to do `then`.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: is missing; {then}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read ({' '.join(str(error).split())}); {then}") from error


def json_or_none(path: Path) -> Any:
    """Return what a file of JSON says, or None where it is not there, cannot be read, or is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a file of JSON lines. Bytes end at newlines alone; `splitlines` also ends at U+2028."""
    with path.open("rb") as lines:
        return [json.loads(line) for line in lines]


def write_json(path: Path, value: object) -> None:
    """Write JSON so that the file is either the old one or the new one, never half of it."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write text in the same way."""
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)  # a write that fails names no file
        raise
    finally:
        partial.unlink(missing_ok=True)
