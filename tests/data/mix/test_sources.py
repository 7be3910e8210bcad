"""What a manifest says of the sources of rows that were drawn from other datasets."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pgt_lora.data.directory import MANIFEST, open_dataset, read_manifest
from pgt_lora.data.mix.terms import drawn_sources
from pgt_lora.data.permuted import permuted
from pgt_lora.data.split import split
from tests.support.mixes import mix
from tests.support.own_data import imported
from tests.support.row_files import png


def drawn(data: Path) -> dict[str, int]:
    return {name: facts["drawn"] for name, facts in read_manifest(data)["sources"].items()}


def under(terms: str, directory: Path, *, is_free: bool = True) -> Path:
    """Say in a directory's manifest under what terms its one source comes."""
    manifest = json.loads((directory / MANIFEST).read_text())
    (facts,) = manifest["sources"].values()
    facts["license"] = {"annotations": terms, "images": terms, "redistributable": is_free}
    (directory / MANIFEST).write_text(json.dumps(manifest))
    return directory


@pytest.fixture
def own(tmp_path: Path) -> list[Path]:
    """Two datasets of one source's name and different terms, neither called as their source."""
    made = []
    for place, (terms, is_free) in enumerate((("free", True), ("closed", False))):
        files = [png(index + 10 * place) for index in range(6)]
        directory = imported(files, tmp_path / terms / "own").rename(tmp_path / terms / f"{terms}-data")
        made.append(under(terms, directory, is_free=is_free))
    return made


@pytest.fixture(autouse=True)
def folders(tmp_path: Path) -> None:
    (tmp_path / "free").mkdir()
    (tmp_path / "closed").mkdir()


def test_a_part_counts_its_own_rows(standin: Path, own: list[Path], tmp_path: Path) -> None:
    mix(standin, tmp_path / "mix", 12, shares={"vsr": 2, "tallyqa": 1, str(own[0]): 1})
    assert drawn(tmp_path / "mix") == {"free-data": 3, "tallyqa": 3, "vsr": 6}
    assert drawn(permuted(tmp_path / "mix")) == drawn(tmp_path / "mix")
    parts = split(tmp_path / "mix", tmp_path / "part", 0.3)
    for part in parts:
        rows = Counter(open_dataset(part)["source"])
        assert drawn(part) == {"free-data": rows["own"], "tallyqa": rows["tallyqa"], "vsr": rows["vsr"]}
    assert sum(drawn(parts[0]).values()) == read_manifest(parts[0])["num_samples"] < 12


def test_one_name_under_two_terms_has_both(standin: Path, own: list[Path], tmp_path: Path) -> None:
    both: dict[str, Any] = {"annotations": "free; closed", "images": "free; closed", "redistributable": False}
    (facts,) = drawn_sources([(own[0], {"own": 3}), (own[1], {"own": 2})]).values()
    assert (facts["license"], facts["drawn"]) == (both, 5)
    other = under("other", imported([png(30)], tmp_path / "other").rename(tmp_path / "another"))
    mix(standin, tmp_path / "mix", 3, shares={str(own[0]): 2, str(other): 1})
    found = drawn_sources([(tmp_path / "mix", {"own": 2})])  # whose rows no share's name tells
    assert {name: facts["drawn"] for name, facts in found.items()} == {"other": 0, "own": 2}
    assert all(facts["license"]["annotations"] == "other; free" for facts in found.values())
