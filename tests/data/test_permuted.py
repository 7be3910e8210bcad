"""Permuted answers: every count stays, and the answers no longer follow from the images."""

from collections import Counter
from pathlib import Path
from typing import Any

from pgt_lora.core.streams import stream
from pgt_lora.data.directory import open_dataset
from pgt_lora.data.generate import generate
from pgt_lora.data.permuted import permutation, permuted
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


def test_answers_of_several_formats_never_mix_and_pgt_s_stay_where_they_were(data_dir: Path) -> None:
    answers = [("3", "number"), ("a red bus", "text"), ("7", "number"), ("a cat", "text"), ("(0.2, 0.3)", "point")]
    own = {"task": "own", "template": "A", "choices": None}
    mixed = [own | {"answer": answer, "answer_format": kind} for answer, kind in answers * 5]
    source = permutation(mixed, "own")
    assert sorted(source) == list(range(25)) != source
    assert all(mixed[index]["answer_format"] == row["answer_format"] for row, index in zip(mixed, source, strict=True))
    rows = open_dataset(data_dir).to_list()
    alike: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        options = row["task"], row["template"], tuple(sorted(row["choices"] or ()))
        alike.setdefault(str(options), []).append(index)
    for index, other in enumerate(permutation(rows, "pgt")):
        (name,) = (name for name, places in alike.items() if index in places)
        assert (
            stream(0, "permuted", "pgt", name).sample(alike[name], len(alike[name]))[alike[name].index(index)] == other
        )


def test_it_is_made_once(tmp_path: Path) -> None:
    generate(tmp_path / "pgt", num_samples=20, seed=0, settings=TaskSettings(Canvas(112, 112)))
    made = {file: file.stat().st_mtime_ns for file in permuted(tmp_path / "pgt").rglob("*.parquet")}
    assert made == {file: file.stat().st_mtime_ns for file in permuted(tmp_path / "pgt").rglob("*.parquet")}
