"""Digests of rows and of their images as the files are, which tell that two are the same, however each came in."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pgt_lora.data.directory import open_dataset
from pgt_lora.data.turns import turns


def digests_of(row: Mapping[str, Any]) -> tuple[bytes, ...]:
    """Return the digests of a row's images; of one by reference that of its photograph, which nobody has to read."""
    return tuple(
        bytes.fromhex(image["sha256"]) if "sha256" in image else hashlib.sha256(image["bytes"]).digest()
        for image in row["images"]
    )


def content_of(row: Mapping[str, Any]) -> bytes:
    """Return a digest of what a row says and shows, whatever it is called, and with what is drawn over its images."""
    drawn = [image.get("overlay") for image in row["images"]]
    said = json.dumps([*((turn.role, turn.parts) for turn in turns(row)), drawn])
    return hashlib.sha256(said.encode() + b"".join(digests_of(row))).digest()


def image_digests(data: Path) -> Iterator[tuple[bytes, ...]]:
    """Yield the digests of each row's images; the images themselves may be too many to be held."""
    yield from map(digests_of, open_dataset(data, read_images=False).select_columns("images"))
