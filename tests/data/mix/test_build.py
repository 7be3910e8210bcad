"""A mix is a dataset directory, made the same each time."""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import MANIFEST, PARQUET, features, is_made, read_manifest
from pgt_lora.data.generate import generate
from pgt_lora.data.mix.request import MixRequest
from pgt_lora.data.turns import Form
from pgt_lora.tiny.standin import FILES, IMAGES
from tests.support.loopback import Host
from tests.support.mixes import SMALL, fixture, mix, mixed, rows
from tests.support.originals import archive, jpeg


def test_a_mix_is_a_dataset_directory(standin: Path, tmp_path: Path) -> None:
    manifest = mix(standin, tmp_path / "a", 30)
    opened = load_dataset(str(tmp_path / "a"), cache_dir=str(tmp_path / "cache"))["train"]
    assert opened.features == features(Form.QUESTIONS)
    assert Counter(opened["source"]) == {"tallyqa": 10, "vsr": 10, "spatialladder": 10}
    assert manifest["counts"] == {"spatialladder": 10, "tallyqa": 10, "vsr": 10}
    assert manifest["num_samples"] == 30 == len(set(opened["id"]))
    assert manifest["versions"]
    for row in opened:
        assert [turn["role"] for turn in row["prompt"] + row["completion"]] == ["user", "assistant"]
        assert [image.size for image in row["images"]] == [(112, 112)]
        assert row["completion"][0]["content"] == row["answer"] + ("." if row["source"] == "spatialladder" else "")
        assert row["answer_format"] in ("number", "letter", "true_false")
        assert row["answer_format"] == "number" or row["answer"] in row["choices"]
    assert opened["source"][:10] != sorted(opened["source"])[:10]  # the sources are shuffled together
    for row in rows(tmp_path / "a"):
        assert row["images"][0]["bytes"] == (standin / IMAGES / row["images"][0]["path"]).read_bytes()


def test_the_manifest_says_where_everything_came_from(standin: Path, tmp_path: Path) -> None:
    manifest = mix(standin, tmp_path / "a", 30)
    assert manifest["asked"] == MixRequest(30).facts()
    assert is_made(tmp_path / "a", MixRequest(30).facts())
    assert not is_made(tmp_path / "a", MixRequest(30, exclude=["vsr"]).facts())
    assert sorted(manifest["sources"]) == ["spatialladder", "tallyqa", "vsr"]
    for name, facts in manifest["sources"].items():
        assert facts["rows"] == 20
        assert facts["drawn"] == 10
        assert facts["removed"] == {}
        assert not facts["license"]["redistributable"]
        assert list(facts["files"]) == [Path(FILES[name]).name]
    assert str(standin) not in (tmp_path / "a" / MANIFEST).read_text()


def test_a_manifest_of_an_earlier_version_is_read(standin: Path, tmp_path: Path) -> None:
    manifest, path = mix(standin, tmp_path / "a", 30), tmp_path / "a" / MANIFEST
    path.write_text(path.read_text().replace('"license"', '"licence"'))
    assert "licence" in path.read_text()
    assert read_manifest(tmp_path / "a") == manifest


def test_the_same_is_drawn_twice_and_another_seed_draws_others(standin: Path, tmp_path: Path) -> None:
    first, second = mix(standin, tmp_path / "a", 30), mix(standin, tmp_path / "b", 30)
    assert first == second
    assert (tmp_path / "a" / PARQUET).read_bytes() == (tmp_path / "b" / PARQUET).read_bytes()
    assert mix(standin, tmp_path / "c", 30, seed=1)["content_hash"] != first["content_hash"]
    drawn = [{row["id"] for row in rows(tmp_path / name)} for name in "ac"]
    assert drawn[0] != drawn[1]
    # A row is asked the same way however many others are drawn.
    mix(standin, tmp_path / "d", 60)
    by_id = {row["id"]: row["prompt"] for row in rows(tmp_path / "d")}
    assert all(by_id[row["id"]] == row["prompt"] for row in rows(tmp_path / "a"))


def test_pgt_and_dataset_directories_are_mixed_in(standin: Path, tmp_path: Path) -> None:
    generate(tmp_path / "mine", num_samples=20, seed=9, settings=SMALL)
    shares = {"vsr": 1.0, "pgt": 1.0, str(tmp_path / "mine"): 1.0}
    manifest = mix(standin, tmp_path / "a", 30, shares=shares, pgt=SMALL)
    assert Counter(row["source"] for row in rows(tmp_path / "a")) == {"vsr": 10, "pgt": 20}
    assert sorted(manifest["sources"]) == ["mine", "pgt", "vsr"]
    assert manifest["sources"]["mine"]["license"]["redistributable"]
    stored = {row["id"]: row for row in rows(tmp_path / "mine")}
    kept = [row for row in rows(tmp_path / "a") if row["id"] in stored]
    assert len(kept) == 10
    assert all(row == stored[row["id"]] for row in kept)
    # A mix can be mixed in as well: its rows stay what they were, and none comes twice.
    assert manifest["asked"]["canvas"] == "112x112"
    again = mix(standin, tmp_path / "b", 20, shares={str(tmp_path / "a"): 1.0, "vsr": 1.0})
    assert again["sources"]["a"]["license"]["redistributable"] is False
    assert again["sources"]["vsr"]["removed"] == {"exact duplicate": 10}
    assert len({row["id"] for row in rows(tmp_path / "b")}) == 20


def test_too_few_rows_is_an_error_that_says_how_many_there_are(standin: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"spatialladder: 21 rows are needed, but there are 20 of 20 .*--absolute-distance"
    ):
        mix(standin, tmp_path / "a", 63)
    assert not (tmp_path / "a").exists()


def test_nothing_is_overwritten_unless_asked(standin: Path, tmp_path: Path) -> None:
    mix(standin, tmp_path / "a", 6)
    before = (tmp_path / "a" / MANIFEST).read_bytes()
    with pytest.raises(InputError, match="--overwrite"):
        mix(standin, tmp_path / "a", 9)
    with pytest.raises(InputError, match="too few"):
        mix(standin, tmp_path / "a", 2, overwrite=True)
    with pytest.raises(InputError, match="rows are needed"):
        mix(standin, tmp_path / "a", 600, overwrite=True)
    assert (tmp_path / "a" / MANIFEST).read_bytes() == before
    assert mix(standin, tmp_path / "a", 9, overwrite=True)["num_samples"] == 9
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]


def test_a_missing_image_is_named_or_its_row_drawn_again(standin: Path, tmp_path: Path) -> None:
    mix(standin, tmp_path / "whole", 30)
    taken = next(row for row in rows(tmp_path / "whole") if row["source"] == "vsr")
    path = taken["images"][0]["path"]
    shutil.copytree(standin / IMAGES, tmp_path / "root")
    (tmp_path / "root" / path).unlink()
    with pytest.raises(InputError, match=rf"row {taken['id']}: .*{path} is missing; .*--on-missing redraw"):
        mix(standin, tmp_path / "a", 30, image_root=tmp_path / "root")
    assert not (tmp_path / "a").exists()
    manifest = mix(standin, tmp_path / "a", 30, image_root=tmp_path / "root", on_missing="redraw")
    assert {name: facts["redrawn"] for name, facts in manifest["sources"].items()} == {
        "spatialladder": 0, "tallyqa": 0, "vsr": 1,
    }  # fmt: skip
    before, after = ({row["id"] for row in rows(tmp_path / name)} for name in ("whole", "a"))
    assert len(after) == 30
    assert before - after == {taken["id"]}
    with pytest.raises(InputError, match=r"20 rows are needed, but there are 19 .*1 removed \(image missing\)"):
        mix(standin, tmp_path / "b", 60, image_root=tmp_path / "root", on_missing="redraw")


def test_all_rows_but_those_without_an_image_are_taken(standin: Path, tmp_path: Path) -> None:
    whole = mix(standin, tmp_path / "whole", None, shares={"vsr": 1})
    shutil.copytree(standin / IMAGES, tmp_path / "root")
    lost = rows(tmp_path / "whole")[0]["images"][0]["path"]
    (tmp_path / "root" / lost).unlink()
    asked: dict[str, Any] = {"shares": {"vsr": 1}, "image_root": tmp_path / "root", "on_missing": "redraw"}
    facts = mix(standin, tmp_path / "a", None, **asked)["sources"]["vsr"]
    gone = [row["id"] for row in rows(tmp_path / "whole") if row["images"][0]["path"] == lost]
    assert facts["removed"]["image missing"] == len(gone) and facts["redrawn"] == 0
    assert facts["drawn"] == len(rows(tmp_path / "a")) == whole["num_samples"] - len(gone)
    shutil.rmtree(tmp_path / "root")
    (tmp_path / "root").mkdir()
    with pytest.raises(InputError, match=r"there are 0 of .* removed \(image missing\)"):
        mix(standin, tmp_path / "b", None, **asked)


def test_only_the_images_of_drawn_rows_are_fetched(tmp_path: Path, host: Host) -> None:
    given = fixture(tmp_path / "in")
    root = tmp_path / "in/root"
    host.files = {f"/{path.relative_to(root)}": path.read_bytes() for path in root.rglob("*.jpg")}
    host.files |= {f"/train2017/{name}": jpeg(1) for name in ("000000296471.jpg",)}
    host.files["/val2014/COCO_val2014_000000000042.jpg"] = jpeg(2)
    names = ("images/scene0022_00/1760.jpg", "scene0033_00/1.jpg", "images/scene0044_00/1.jpg")
    host.files["/images.zip"] = archive({name: jpeg(5) for name in names})
    mirrors = {"coco": host.address, "vg": host.address, "spatialladder": f"{host.address}/images.zip"}
    asked: dict[str, Any] = {"annotations": given, "cache": tmp_path / "cache", "mirrors": mirrors, "seed": 0}
    mixed(tmp_path / "a", num_samples=3, **asked)
    drawn = {(row["source"], row["images"][0]["path"]) for row in rows(tmp_path / "a")}
    fetched = [request.path for request in host.requests if request.path != "/images.zip"]
    assert sorted(fetched) == sorted(f"/{path}" for source, path in drawn if source != "spatialladder")
    assert len([request for request in host.requests if request.path == "/images.zip"]) == 2
    before = len(host.requests)
    mixed(tmp_path / "b", num_samples=3, **asked)
    assert len(host.requests) == before
    assert read_manifest(tmp_path / "b") == read_manifest(tmp_path / "a")
