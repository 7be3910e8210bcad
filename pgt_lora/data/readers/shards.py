"""Splits that lie in several files, as clones of the Hub's datasets have them: `data/train-00000-of-00002.parquet`."""

import re
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from pgt_lora.core.errors import InputError
from pgt_lora.data.readers.tables import KINDS, Table, open_file

SHARD = re.compile(r"(.+)-(\d+)-of-(\d+)(?:-[0-9a-f]+)?")  # older datasets of the Hub end with a hash
MAX_LISTED = 3  # files in a message


def check_whole(path: Path) -> None:
    """Check that a file is not one of several that together are a split.

    Raises:
        InputError: it is; the message names the directory, which is read as a whole.
    """
    shard = SHARD.fullmatch(path.stem)
    if shard and int(shard[3]) > 1:
        folder = path.parent.parent if path.parent.name == "data" else path.parent
        option = "" if shard[1] == "train" else f" --split {shard[1]}"
        raise InputError(
            f"{path}: one of {int(shard[3])} shards of {shard[1]}; name their directory in its place, "
            f"{folder}{option}, or rename the file to read it alone"
        )


def splits_in(folder: Path) -> dict[str, list[Path]]:
    """Return the files of each split in a directory or its `data`: parquet files, and shards of every kind."""
    splits: dict[str, list[Path]] = {}
    for path in sorted([*folder.glob("*"), *folder.glob("data/*")]):
        shard, kind = SHARD.fullmatch(path.stem), path.suffix.lower()
        if kind == ".parquet" or (shard and kind in KINDS):
            splits.setdefault(shard[1] if shard else path.stem, []).append(path)
    return splits


def open_shards(folder: Path, split: str, files: Sequence[Path]) -> Table:
    """Return the rows of the files of a split, in the order of their numbers.

    Raises:
        InputError: some are missing, or there are others among them.
    """
    numbered = sorted((*_number(path), path) for path in files)
    total = numbered[0][1]
    numbers = [(number, of) for number, of, _ in numbered]
    if numbers not in ([(number + first, total) for number in range(total)] for first in (0, 1)):
        raise InputError(
            f"{folder}: files of {split} that are not its {total} shards, each once: "
            f"{', '.join(path.name for path in files[:MAX_LISTED])}{', …' * (len(files) > MAX_LISTED)}; put exactly "
            "those there, or rename one to read it alone"
        )
    tables = [open_file(path) for *_, path in numbered]
    digests = {name: digest for table in tables for name, digest in table.facts["files"].items()}
    return Table(
        folder.resolve().name,
        lambda: chain.from_iterable(table.rows() for table in tables),
        tables[0].folder,
        {"files": digests},
    )


def _number(path: Path) -> tuple[int, int]:
    shard = SHARD.fullmatch(path.stem)
    return (int(shard[2]), int(shard[3])) if shard else (0, 1)
