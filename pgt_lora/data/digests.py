"""Digests of images as their files are, which tell that two rows show the same one, however each came in."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pgt_lora.data.directory import open_dataset


def digests_of(row: Mapping[str, Any]) -> tuple[bytes, ...]:
    """Return the digests of a row's images; of one by reference that of its photograph, which nobody has to read."""
    return tuple(
        bytes.fromhex(image["sha256"]) if "sha256" in image else hashlib.sha256(image["bytes"]).digest()
        for image in row["images"]
    )


def image_digests(data: Path) -> Iterator[tuple[bytes, ...]]:
    """Yield the digests of each row's images; the images themselves may be too many to be held."""
    yield from map(digests_of, open_dataset(data, read_images=False).select_columns("images"))
