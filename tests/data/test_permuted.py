"""Permuted answers: every count stays, and the answers no longer follow from the images."""

from collections import Counter
from pathlib import Path
from typing import Any

from pgt_lora.data.directory import open_dataset
from pgt_lora.data.generate import generate
from pgt_lora.data.permuted import permuted
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks.task import TaskSettings


def key(row: dict[str, Any]) -> tuple[Any, ...]:
    completion = row["completion"][0]["content"]
    return row["task"], row["template"], tuple(sorted(row["choices"] or ())), row["answer"], completion


def test_answers_change_places_among_rows_with_the_same_options(tmp_path: Path) -> None:
    generate(tmp_path / "pgt", num_samples=600, seed=0, settings=TaskSettings(Canvas(112, 112)))
    rows = open_dataset(tmp_path / "pgt").to_list()
    path = permuted(tmp_path / "pgt")
    twins = open_dataset(path).to_list()
    assert Counter(map(key, rows)) == Counter(map(key, twins))
    assert [row["images"] for row in rows] == [row["images"] for row in twins]
    assert all(row["answer"] == row["completion"][0]["content"] for row in twins)
    counted = [(a, b) for a, b in zip(rows, twins, strict=True) if len(a["choices"] or ()) == 2]
    kept = sum(a["answer"] == b["answer"] for a, b in counted) / len(counted)
    assert 0.3 < kept < 0.7
    places = [(a, b) for a, b in zip(rows, twins, strict=True) if a["task"] == "coordinates"]
    assert sum(a["answer"] == b["answer"] for a, b in places) < len(places) / 5


def test_it_is_made_once(tmp_path: Path) -> None:
    generate(tmp_path / "pgt", num_samples=20, seed=0, settings=TaskSettings(Canvas(112, 112)))
    made = {file: file.stat().st_mtime_ns for file in permuted(tmp_path / "pgt").rglob("*.parquet")}
    assert made == {file: file.stat().st_mtime_ns for file in permuted(tmp_path / "pgt").rglob("*.parquet")}
