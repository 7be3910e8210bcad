"""A limited number of rows lies in every larger one, whatever way the rows come."""

from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.data.limit import nested
from pgt_lora.data.overlay.build import overlay_data
from pgt_lora.data.overlay.plan import OverlaySettings
from pgt_lora.data.readers.build import ImportSettings, import_data
from pgt_lora.data.readers.named import as_directory
from tests.support.own_data import llava


def test_smaller_parts_lie_in_larger_ones() -> None:
    names = [f"mix-{number:06d}" for number in range(1, 2001)]
    parts = [nested(names, limit) for limit in (10, 100, 1000, 5000)]
    assert [len(part) for part in parts] == [10, 100, 1000, 2000]
    assert all(set(small) < set(large) for small, large in pairwise(parts))
    assert all(part == sorted(part) for part in parts)
    tenths = [sum(place // 200 == tenth for place in parts[2]) for tenth in range(10)]
    assert all(75 < count < 125 for count in tenths)  # from everywhere


def test_an_import_keeps_ids_and_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path / "home"))
    source = str(llava(tmp_path))
    (whole,) = import_data(source, tmp_path / "whole")
    every = open_dataset(whole).to_list()
    for limit in (4, 9):
        (part,) = import_data(source, tmp_path / str(limit), ImportSettings(limit=limit))
        rows = open_dataset(part).to_list()
        places = nested([row["id"] for row in every], limit)
        assert [row["id"] for row in rows] == [every[place]["id"] for place in places]
        assert [row["images"] for row in rows] == [every[place]["images"] for place in places]
        assert read_manifest(part)["asked"]["limit"] == limit
    kept = as_directory(source, limit=4)
    assert open_dataset(kept)["id"] == open_dataset(tmp_path / "4")["id"]
    assert as_directory(source, limit=4) == kept != as_directory(source, limit=5)


def test_rows_that_are_left_out_are_not_looked_at(tmp_path: Path) -> None:
    source = llava(tmp_path)
    places = nested([f"mix-{number:06d}" for number in range(1, 21)], 6)
    needed = {f"{place // 2:012d}.png" for place in places}
    for image in (tmp_path / "coco/train2017").iterdir():
        if image.name not in needed:
            image.unlink()
    (part,) = import_data(str(source), tmp_path / "part", ImportSettings(limit=6))
    assert len(open_dataset(part)) == 6
    with pytest.raises(InputError, match="--limit 0: at least one"):
        import_data(str(source), tmp_path / "none", ImportSettings(limit=0))


def test_an_overlay_takes_the_rows_that_an_import_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path / "home"))
    source = llava(tmp_path)
    for image in (tmp_path / "coco/train2017").iterdir():
        with Image.open(image) as opened:
            opened.resize((160, 120)).save(image)
    (whole,) = import_data(str(source), tmp_path / "whole")
    (part,) = import_data(str(source), tmp_path / "part", ImportSettings(limit=6))
    ids = open_dataset(part)["id"]
    every = overlaid(whole, tmp_path / "0", None)
    for number, name in enumerate((part, whole, source), 1):
        rows = overlaid(name, tmp_path / str(number), 6)
        assert [row["id"] for row in rows] == ids
        assert rows == [row for row in every if row["id"] in ids]


def overlaid(source: Path, out: Path, limit: int | None) -> list[dict]:
    overlay_data(str(source), out, OverlaySettings(1.0, limit=limit), num_shards=2)
    rows = open_dataset(out)
    return [rows[index] for index in range(len(rows))]
