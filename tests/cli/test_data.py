"""The commands that make data."""

from pathlib import Path

import pytest

from pgt_lora.cli.data import parse_pairs
from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import read_manifest
from pgt_lora.tiny.standin import IMAGES, annotations
from tests.support.command import call
from tests.support.mixes import mix


def test_the_command(
    standin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ",".join(f"{name}={path}" for name, path in annotations(standin).items())
    words = ["mix", "--num-samples", "12", "--seed", "3", "--out", str(tmp_path / "a"), "--annotations", given]
    words += ["--image-root", str(standin / IMAGES)]
    assert call(monkeypatch, capsys, *words, "--shares", "tallyqa=2,vsr,spatialladder=1")[0] == 0
    mix(standin, tmp_path / "b", 12, seed=3, shares={"tallyqa": 2, "vsr": 1, "spatialladder": 1})
    assert read_manifest(tmp_path / "a") == read_manifest(tmp_path / "b")
    assert call(monkeypatch, capsys, "preview", str(tmp_path / "a"))[0] == 0
    for bad, says in (
        (["--shares", "cats=1"], "--shares cats"),
        (["--shares", "vsr=many"], "positive number"),
        (["--shares", "vsr=1,vsr=2"], "is given twice"),
        (["--annotations", "cats=/x"], "unknown 'cats'"),
        (["--annotations", "vsr"], "not name=value"),
        (["--annotations", "vsr=/nowhere/x", "--shares", "vsr"], "no such file"),
        (["--annotations", f"vsr={tmp_path}", "--shares", "vsr"], "no train annotations of vsr"),
        (["--shares", "owner/name"], "cannot be read from the Hub"),
        (["--shares", str(tmp_path)], "no dataset directory"),
        (["--on-missing", "skip"], "known: error, redraw"),
        (["--vsr-split", "all"], "known: random, zeroshot"),
        (["--image-root", str(tmp_path / "none")], "no such directory"),
        (["--mirror", "flickr=x"], "unknown 'flickr'"),
        (["--vg-to-coco", str(tmp_path / "none")], "image_data.json"),
        (["--annotations", "vsr=cambridgeltl/vsr_random", "--shares", "vsr"], "pass local files"),
    ):
        status, error = call(monkeypatch, capsys, *words[:5], "--out", str(tmp_path / "new"), *words[7:], *bad)
        message = [line for line in error.splitlines() if line.startswith("pgt-lora: ")]
        assert (status, len(message)) == (2, 1), (bad, error)
        assert says in message[0], bad
        assert not (tmp_path / "new").exists()


def test_pairs() -> None:
    assert parse_pairs("--x", None) == {}
    assert parse_pairs("--x", "a=1,b", default="2") == {"a": "1", "b": "2"}
    assert parse_pairs("--x", "runs/a=b=1") == {"runs/a=b": "1"}
    for text in ("a=", "=1", ",", "a=1,a=2"):
        with pytest.raises(InputError, match="--x"):
            parse_pairs("--x", text)


def test_a_recipe_is_exported_for_an_exported_dataset(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["export-recipe", "tiny-qwen2.5-vl", "--out", str(tmp_path / "recipe.yaml"), "--data"]
    status, error = call(monkeypatch, capsys, *words, str(data_dir))
    assert status == 2
    assert "is no dataset as `export-dataset --format sharegpt` makes it" in error
    assert call(monkeypatch, capsys, "export-dataset", data_dir, "--out", tmp_path / "exported")[0] == 0
    assert call(monkeypatch, capsys, *words, str(tmp_path / "exported"))[0] == 0
    assert str(tmp_path / "exported") in (tmp_path / "recipe.yaml").read_text()
