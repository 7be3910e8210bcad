"""Where the base of an adapter lies: found again after a move, and told from another model by what it holds."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import read_json, write_json
from pgt_lora.models.weight_files import weight_files

PLACE = "base.json"  # beside an adapter: its base's place as seen from there, and its fingerprint
BLOCK_BYTES, NUM_BLOCKS = 2**16, 64


def write_place(adapter_dir: Path, base: str) -> None:
    """Write where an adapter's base lies, seen from the directory that the adapter will have; not for a Hub id."""
    if Path(base).is_dir():
        final = adapter_dir.with_name(adapter_dir.name.removesuffix(".partial"))
        relative = Path(os.path.relpath(Path(base).resolve(), final.resolve())).as_posix()
        write_json(adapter_dir / PLACE, {"relative": relative, "fingerprint": fingerprint(Path(base))})


def fingerprint(base: Path) -> str:
    """Return the SHA-256 of a checkpoint's configuration and of 64 blocks of 64 KiB of each of its weight files.

    Whole weights would take minutes to read; two models whose weights differ everywhere differ in every block.
    """
    digest = hashlib.sha256((base / "config.json").read_bytes())
    for path in weight_files(base):
        num_bytes = path.stat().st_size
        digest.update(f"{path.name} {num_bytes} ".encode())
        with path.open("rb") as file:
            for block in range(NUM_BLOCKS):
                file.seek(max(0, num_bytes - BLOCK_BYTES) * block // (NUM_BLOCKS - 1))
                digest.update(file.read(BLOCK_BYTES))
    return digest.hexdigest()


def find_base(adapter_dir: Path, recorded: str) -> str:
    """Return the base of an adapter whose recorded directory is gone, or the recorded one where none is found.

    It is looked for at its place relative to the adapter, and by its name in the current directory, in `data` there and
    in the directories above the adapter. Only what has the same fingerprint is taken.
    """
    path = adapter_dir / PLACE
    if not path.is_file():
        return recorded
    place = read_json(path)
    for candidate in _candidates(adapter_dir.resolve(), place["relative"], Path(recorded).name):
        if is_base(candidate, place["fingerprint"]):
            return str(candidate)
    return recorded


def _candidates(adapter_dir: Path, relative: str, name: str) -> Iterator[Path]:
    yield Path(os.path.normpath(adapter_dir / relative))
    here = Path.cwd()
    yield from (here / name, here / "data" / name)
    yield from (above / name for above in adapter_dir.parents)


def is_base(directory: Path, expected: str) -> bool:
    """Tell whether a directory holds the checkpoint of a fingerprint."""
    try:
        return fingerprint(directory) == expected
    except (OSError, InputError):
        return False
