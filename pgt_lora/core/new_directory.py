"""Directories that appear when they are complete, and replace nothing but what the kit made."""

import errno
import os
import re
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import json_or_none

MARKER = ".pgt-lora"  # in what has no record of its own
MARKER_TEXT = "Made by pgt-lora, which may replace this directory where it is told to.\n"

# The record of each kind of product, and the fields by which it is told from another file of that name.
RECORDS = {
    "manifest.json": ("asked", "content_hash"),
    "started.json": ("recipe", "content_hash"),
    "scores.json": ("model", "content_hash", "tasks"),
    "verification.json": ("passed", "checks"),
    "diagnosis.json": ("model", "content_hash"),
    "asked.json": ("model",),
}
SMALL_MODEL = "Made by `make tiny MODEL="  # in the card of a model that ships


@contextmanager
def new_directory(out: Path, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary directory beside `out` that becomes `out` when the block ends well, and vanishes otherwise.

    What was there before vanishes only then. What killed runs left beside `out` is removed.

    Raises:
        InputError: `out` exists and `overwrite` is not set, or it is not the kit's to replace.
    """
    check_free(out, overwrite)
    out.parent.mkdir(parents=True, exist_ok=True)
    clear_dead(out)
    check_free(out, overwrite)  # what a killed run had put aside may be back
    partial = beside(out, "partial")
    partial.mkdir()
    try:
        yield partial
        if not is_ours(partial):
            (partial / MARKER).write_text(MARKER_TEXT, encoding="utf-8")
        check_free(out, overwrite)  # it may have come meanwhile
        replace(out, partial)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            error.filename = error.filename or str(out)  # a write that fails names no file
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_free(out: Path, overwrite: bool) -> None:
    """Check that a directory can be made at `out`, or may be replaced by one.

    Raises:
        InputError: it cannot, or may not.
    """
    if out.name in ("", "..") or out.is_symlink():
        raise InputError(f"{out}: a link, or not a directory name; give --out a plain path")
    _check_writable(out)
    if not out.exists():
        return
    if not (overwrite and out.is_dir()):
        raise InputError(f"{out} exists; choose another directory" + (" or pass --overwrite" if out.is_dir() else ""))
    check_replaceable(out)


def _check_writable(out: Path) -> None:
    parent = next(each for each in out.absolute().parents if os.path.exists(each))  # noqa: PTH110 - never raises
    if not parent.is_dir():
        raise InputError(f"{out}: {parent} is a file; choose another --out")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(f"{out}: {parent} cannot be written to; look at its permissions, or choose another --out")


def check_replaceable(out: Path) -> None:
    """Check that `out` is empty or was made by the kit, and that nothing else stands on it.

    Raises:
        InputError: it is another's, a link, a mount point, or holds the current directory or the home directory.
    """
    place = out.resolve()
    if out.name in ("", "..") or out.is_symlink() or not out.is_dir() or os.path.ismount(out):
        raise InputError(f"{out}: --overwrite replaces only plain directories, not links, files or mount points")
    for what, kept in (("current", Path.cwd()), ("home", Path.home().resolve())):
        if place in (kept, *kept.parents):
            raise InputError(f"{out}: is or holds the {what} directory, which --overwrite does not replace")
    if any(out.iterdir()) and not is_ours(out):
        raise InputError(
            f"{out}: was not made by pgt-lora (it has no record of it), so --overwrite does not replace it; choose "
            "another --out, or delete it yourself"
        )


def is_ours(directory: Path) -> bool:
    """Tell whether a directory holds the marker or a record of something that the kit made."""
    card = directory / "README.md"
    return (
        (directory / MARKER).is_file()
        or any(_holds(directory / name, fields) for name, fields in RECORDS.items())
        or (card.is_file() and SMALL_MODEL in card.read_text(encoding="utf-8", errors="replace"))
    )


def _holds(path: Path, fields: tuple[str, ...]) -> bool:
    record = json_or_none(path)
    return isinstance(record, dict) and all(field in record for field in fields)


def replace(out: Path, complete: Path) -> None:
    """Put a complete directory in the place of `out`; what was there goes last of all."""
    old = beside(out, "old")
    if out.exists():
        out.replace(old)
    try:
        complete.replace(out)
    except BaseException:
        if old.exists() and not out.exists():
            old.replace(out)
        raise
    shutil.rmtree(old, ignore_errors=True)


def beside(out: Path, what: str) -> Path:
    """Return a name beside `out` that says which process it belongs to."""
    return out.with_name(f"{out.name}.{what}-{_machine()}-{os.getpid()}-{secrets.token_hex(4)}")


def clear_dead(out: Path) -> None:
    """Remove what dead processes of this machine left beside `out`; what one had put aside goes back first."""
    pattern = re.compile(rf"{re.escape(out.name)}\.(partial|old)-{re.escape(_machine())}-(\d+)-[0-9a-f]{{8}}")
    for path in sorted(out.parent.iterdir()):
        match = pattern.fullmatch(path.name)
        if not match or path.is_symlink() or _is_alive(int(match[2])):
            continue
        if path.is_file():
            path.unlink()
        elif match[1] == "old" and not out.exists():
            path.replace(out)
        else:
            shutil.rmtree(path, ignore_errors=True)


def _machine() -> str:
    """Name this machine and, in a container, its own count of processes."""
    name = re.sub(r"[^A-Za-z0-9.]", "_", socket.gethostname())
    try:
        return f"{name}.{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return name


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # where signal 0 is no question but Ctrl-C
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
