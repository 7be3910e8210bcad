"""Rows whose images were decoded before anything is made of them, and the record that they were."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import PIL

from pgt_lora.core.files import json_or_none, write_json
from pgt_lora.core.terminal import track
from pgt_lora.data.images import decode
from pgt_lora.data.seal import read_manifest

DECODED = ".decoded.json"  # the content whose images were all decoded, and by what
RULES = 1  # of `decode`; another number has every image decoded once more


def checked_images(rows: Any, data: Path, processes: int = 1, process: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a dataset directory, so that a broken image stops what is made of them before it starts.

    Where it is recorded that all images of this content were decoded, none is; else it is recorded at the end. One of
    several processes decodes its part alone, so that none of them can record anything.

    Raises:
        InputError: an image cannot be read; the message names the directory and the row.
    """
    done = _record(data)
    is_recorded = json_or_none(data / DECODED) == done
    for number, row in enumerate(track(rows, len(rows), "Reading rows")):
        if not is_recorded and number % processes == process:
            for image in row["images"]:
                decode(image, f"{data}: row {row['id']}")
        yield row
    if not is_recorded and processes == 1 and len(rows) == read_manifest(data)["num_samples"]:
        write_record(data, done)


def write_record(data: Path, done: Mapping[str, Any] | None = None) -> None:
    """Record that all images of a dataset directory were decoded; where that cannot be written they are each time."""
    with suppress(OSError):
        write_json(data / DECODED, _record(data) if done is None else done)


def _record(data: Path) -> dict[str, Any]:
    """Return what is recorded: rows that were opened are those of the manifest's hash."""
    return {"rules": RULES, "pillow": PIL.__version__, "content_hash": read_manifest(data)["content_hash"]}
