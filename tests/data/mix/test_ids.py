"""Datasets whose rows are called alike: other rows are kept, under ids of their own, and the same ones go once."""

from pathlib import Path
from typing import Any

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.blend import blend
from pgt_lora.data.directory import open_dataset
from pgt_lora.data.generate import generate
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks.task import TaskSettings
from tests.support.mixes import SMALL, mixed, rows
from tests.support.own_data import imported
from tests.support.row_files import png


@pytest.fixture
def alike(tmp_path: Path) -> tuple[Path, Path]:
    """Two datasets of other images, imported from files of one name."""
    made = []
    for name, first in (("a", 0), ("b", 10)):
        (tmp_path / name).mkdir()
        made.append(
            imported([png(first + n) for n in range(4)], tmp_path / name / "train").rename(tmp_path / f"D{name}")
        )
    return made[0], made[1]


def shown(directory: Path) -> list[bytes]:
    return sorted(row["images"][0]["bytes"] for row in open_dataset(directory))


def test_rows_of_two_datasets_are_kept_whatever_their_ids(alike: tuple[Path, Path], tmp_path: Path) -> None:
    one, other = alike
    ids = open_dataset(one)["id"]
    assert ids == open_dataset(other)["id"]
    mixed(tmp_path / "mix", num_samples=8, shares={str(one): 1, str(other): 1})
    assert sorted(row["id"] for row in rows(tmp_path / "mix")) == sorted([*ids, *(f"Db-{each}" for each in ids)])
    assert shown(tmp_path / "mix") == sorted(shown(one) + shown(other))


def test_a_blend_keeps_them_too(alike: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path))
    path = blend(*alike, 0.5, 8)
    assert shown(path) == sorted(shown(alike[0]) + shown(alike[1]))
    assert sum(row.startswith("Db-") for row in open_dataset(path)["id"]) == 4


def test_the_same_rows_go_once(alike: tuple[Path, Path], tmp_path: Path) -> None:
    again = imported([png(n) for n in (0, 1, 2, 3, 20)], tmp_path / "again")  # under other ids
    manifest = mixed(tmp_path / "mix", num_samples=5, shares={str(again): 1, str(alike[0]): 1, str(alike[1]): 3})
    assert manifest["sources"]["again"]["removed"] == {"exact duplicate": 4}


def test_generated_rows_are_told_by_what_they_show(tmp_path: Path) -> None:
    """All of them are numbered alike, whatever they were generated for."""
    generate(tmp_path / "same", num_samples=4, seed=0, settings=SMALL)
    generate(tmp_path / "other", num_samples=4, seed=0, settings=TaskSettings(Canvas(168, 168)))
    asked: dict[str, Any] = {"num_samples": 8, "pgt": SMALL}
    with pytest.raises(InputError, match=r"pgt: 4 rows are needed, but .*4 removed \(exact duplicate\)"):
        mixed(tmp_path / "a", shares={"pgt": 1, str(tmp_path / "same"): 1}, **asked)
    mixed(tmp_path / "b", shares={"pgt": 1, str(tmp_path / "other"): 1}, **asked)
    assert sum(row["id"].startswith("pgt-pgt-train-0-") for row in rows(tmp_path / "b")) == 4
