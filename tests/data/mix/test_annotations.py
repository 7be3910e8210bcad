"""Annotations come from the Hub."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import read_manifest
from pgt_lora.data.mix.annotations import Loaded, load
from pgt_lora.data.mix.exclusion import excluded
from pgt_lora.data.mix.images import Shelf
from pgt_lora.data.mix.request import sources
from pgt_lora.data.sources.source import Annotations, Source, SourceSettings
from pgt_lora.data.sources.tallyqa import ARCHIVE
from tests.support.hub_calls import call, call_here
from tests.support.hub_server import Hub, Repo, sha
from tests.support.mixes import fixture, mixed


def test_annotations_come_from_the_hub_at_a_stated_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline, what the Hub's client and an earlier run keep in their caches stands in for the download."""
    given, commit = fixture(tmp_path / "in"), "0123456789abcdef0123456789abcdef01234567"
    splits = given["vsr"] / "data/splits"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    for repo, file, origin in (
        ("cambridgeltl--vsr_random", "train.jsonl", splits / "random/train.jsonl"),
        ("cambridgeltl--vsr_random", "test.jsonl", splits / "random/test.jsonl"),
        ("cambridgeltl--vsr_zeroshot", "train.jsonl", splits / "zeroshot/train.jsonl"),
        ("hongxingli--SpatialLadder-26k", "spld_spatial_data.jsonl", given["spatialladder"]),
    ):
        folder = tmp_path / "hub" / f"datasets--{repo}"
        for name in ("refs", f"snapshots/{commit}"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "refs/main").write_text(commit)
        shutil.copyfile(origin, folder / "snapshots" / commit / file)
    (tmp_path / "cache/annotations/tallyqa").mkdir(parents=True)
    with zipfile.ZipFile(tmp_path / "cache/annotations/tallyqa/tallyqa.zip", "w") as opened:
        opened.write(given["tallyqa"] / "train.json", "train.json")
    asked: dict[str, Any] = {"image_root": tmp_path / "in/root", "cache": tmp_path / "cache", "seed": 0}
    mixed(tmp_path / "a", num_samples=3, exclude=["vsr"], **asked)
    sources = read_manifest(tmp_path / "a")["sources"]
    assert {name: (facts["origin"], facts.get("revision")) for name, facts in sources.items()} == {
        "spatialladder": ("hongxingli/SpatialLadder-26k", commit),
        "tallyqa": (ARCHIVE, None),
        "vsr": ("cambridgeltl/vsr_random", commit),
    }
    assert sources["vsr"]["removed"] == {"image in vsr test": 1}
    pinned = {"vsr": f"cambridgeltl/vsr_zeroshot@{commit}"}
    zeroshot: dict[str, Any] = {"shares": {"vsr": 1}, "settings": SourceSettings(vsr_split="zeroshot")}
    mixed(tmp_path / "b", num_samples=1, annotations=pinned, **zeroshot, **asked)
    assert read_manifest(tmp_path / "b")["sources"]["vsr"]["revision"] == commit
    with pytest.raises(InputError, match="test items of the other"):
        mixed(tmp_path / "c", num_samples=1, annotations=pinned, shares={"vsr": 1}, **asked)


def test_urls_that_end_in_the_same_name_are_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = fixture(tmp_path / "in")["tallyqa"]

    def download(url: str, path: Path, *_: Any) -> None:
        path.parent.mkdir(parents=True)
        rows = json.loads((given / "train.json").read_text())
        path.write_text(json.dumps(rows if url.startswith("https://a.org/") else rows[:1]))

    monkeypatch.setattr("pgt_lora.data.fetch.download", download)
    shelf, source = Shelf(tmp_path / "cache"), sources()["tallyqa"]
    for _ in range(2):
        first, second = (
            load(source, "train", f"https://{host}/train.json", SourceSettings(), shelf).annotations.rows
            for host in ("a.org", "b.org")
        )
        assert len(first) > len(second) == 1


def test_the_training_file_of_a_url_is_not_its_own_test_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, Any]] = []

    def read(source: Source, split: str, given: Any, *_: Any) -> Loaded:
        asked.append((split, given))
        return Loaded(Annotations(()), {})

    monkeypatch.setattr("pgt_lora.data.mix.exclusion.load", read)
    for url in ("https://a.org/train.json", "https://a.org/both.zip", "owner/name"):
        excluded(["tallyqa"], SourceSettings(), Shelf(tmp_path), {"tallyqa": url})
    assert asked == [("test", None), ("test", "https://a.org/both.zip"), ("test", "owner/name")]


@pytest.mark.parametrize("fresh_process", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_annotations_are_downloaded_from_the_hub(fresh_process: bool, tmp_path: Path) -> None:
    given, hub = fixture(tmp_path / "in"), Hub()
    files = {
        f"{split}.jsonl": (given["vsr"] / f"data/splits/random/{split}.jsonl").read_bytes()
        for split in ("train", "test")
    }
    hub.repos["cambridgeltl/vsr_random"] = Repo(False, {"main": files | {"large.bin": b"0" * 100_000}})
    words = ["mix", "--shares", "vsr", "--num-samples", "2", "--out", str(tmp_path / "a")]
    words += ["--image-root", str(tmp_path / "in/root"), "--cache", str(tmp_path / "cache")]
    home = tmp_path / "hf"
    try:
        done = call(hub, home, "-m", "pgt_lora", *words) if fresh_process else call_here(hub, home, *words)
    finally:
        hub.shutdown()
        hub.server_close()
    assert done.returncode == 0, done.stderr
    facts = read_manifest(tmp_path / "a")["sources"]["vsr"]
    assert (facts["origin"], facts["drawn"]) == ("cambridgeltl/vsr_random", 2)
    assert facts["revision"] == sha(hub.repos["cambridgeltl/vsr_random"].branches["main"])
    assert [path.name for path in (tmp_path / "hf").rglob("*") if path.name in {*files, "large.bin"}] == ["train.jsonl"]
