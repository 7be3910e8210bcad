"""What files of rows are made of: images on the spot, turns, JSON lines and parquet."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

NUM_ROWS = 20


def png(index: int, side_px: int = 28) -> bytes:
    """An image whose color tells its index."""
    file = io.BytesIO()
    Image.new("RGB", (side_px, side_px), (index * 12 % 256, 90, 255 - index)).save(file, "PNG")
    return file.getvalue()


def images(folder: Path, names: Sequence[str]) -> None:
    for index, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png(index))


def lines(path: Path, rows: Sequence[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def turn(speaker: str, value: str) -> dict[str, str]:
    return {"from": speaker, "value": value}


def parquet(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows)), path, row_group_size=8)
    return path
