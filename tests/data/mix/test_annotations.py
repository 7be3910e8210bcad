"""Annotations come from the Hub."""

import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import read_manifest
from pgt_lora.data.sources.source import SourceSettings
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
