"""Rows of a source, read and asked."""

from pathlib import Path
from typing import Any

from pgt_lora.core.streams import stream
from pgt_lora.data.sources.source import Row, SourceSettings
from tests.support.discovered import SOURCES


def read(name: str, path: Path, split: str = "train", **switches: Any) -> tuple[Row, ...]:
    return SOURCES[name].read(path, split, SourceSettings(**switches)).rows


def ask(name: str, row: Row, index: int) -> Any:
    return SOURCES[name].ask(stream(0, "test", index), row)
