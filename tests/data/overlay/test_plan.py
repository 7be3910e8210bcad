"""Plans: no pixels in them, the bytes that rendering stores when they are read, and one line where that cannot be."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from datasets import load_dataset

from pgt_lora.core.errors import InputError
from pgt_lora.data.blend import blend
from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.data.mix.mixture import mixture
from pgt_lora.data.overlay.build import overlay_data
from pgt_lora.data.overlay.draw import Outcome
from pgt_lora.data.overlay.plan import OverlaySettings
from pgt_lora.data.parquet import parquet_files
from pgt_lora.data.preview import write_preview
from pgt_lora.data.seal import CHECKED, seal
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.export.other_trainers import export_dataset
from tests.data.overlay.test_build import rows_of, talks
from tests.support.command import call
from tests.support.conversations import write_conversations
from tests.support.photographs import FILES, draw_file

ALL = OverlaySettings(proportion=1.0, tasks_per_image=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs as files, of every kind."""
    folder, rng = tmp_path_factory.mktemp("files") / "photographs", Random(7)
    folder.mkdir()
    for number, kind in enumerate(FILES * 2):
        ending = "png" if kind in ("PNG", "alpha") else "jpg"
        (folder / f"{number}.{ending}").write_bytes(draw_file(rng, (100, 160), kind))
    return folder


@pytest.fixture(scope="module")
def made(folder: Path) -> Path:
    overlay_data(str(folder), folder.with_name("plan"), ALL, num_shards=2)
    return folder.with_name("plan")


@pytest.fixture
def plan(made: Path, folder: Path, tmp_path: Path) -> Path:
    """A copy of the plan, and of the photographs beside it."""
    shutil.copytree(folder, tmp_path / "photographs")
    shutil.copytree(made, tmp_path / "plan")
    manifest = read_manifest(made) | {"image_root": str(tmp_path / "photographs")}
    (tmp_path / "plan" / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path / "plan"


def test_it_is_read_as_the_bytes_that_rendering_stores(tmp_path: Path) -> None:
    talked = write_conversations(tmp_path / "talks", talks()[:15])
    for settings in (ALL, OverlaySettings(0.5, separate=True)):
        for name in ("plan", "pixels"):
            overlay_data(str(talked), tmp_path / name, settings, render=name == "pixels", overwrite=True)
        plan, pixels = open_dataset(tmp_path / "plan"), open_dataset(tmp_path / "pixels")
        assert list(plan) == list(pixels) and len(plan) >= 15
        assert plan["images"][3] == pixels["images"][3]
    stored = load_dataset(str(tmp_path / "plan"), split="train")
    assert not {"image", "images", "messages", "prompt"} & set(stored.column_names)
    assert {"image_refs", "scene"} < set(stored.column_names)


def test_photographs_that_are_files_stay_where_they_are(plan: Path, folder: Path) -> None:
    stored = load_dataset(str(plan), split="train")
    assert all(each["bytes"] is None for refs in stored["image_refs"] for each in refs)
    size = sum(path.stat().st_size for path in parquet_files(plan))
    assert size < 0.25 * sum(path.stat().st_size for path in folder.iterdir())
    assert read_manifest(folder.with_name("plan"))["image_root"] == str(folder)


def test_rows_of_a_file_refer_to_their_photographs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path / "home"))
    rows = [
        {"image": f"{folder.name}/{path.name}", "question": "Is it large?", "answer": "no"}
        for path in sorted(folder.iterdir())
    ]
    (table := folder.with_name("rows.json")).write_text(json.dumps(rows))
    overlay_data(str(table), tmp_path / "plan", ALL)
    overlay_data(str(table), tmp_path / "pixels", ALL, render=True)
    stored = load_dataset(str(tmp_path / "plan"), split="train")
    assert [ref["path"] for (ref,) in stored["image_refs"]] == [row["image"] for row in rows]
    assert all(ref["bytes"] is None for (ref,) in stored["image_refs"])
    assert any(ref["overlay"] for (ref,) in stored["image_refs"])
    for plan, pixels in zip(open_dataset(tmp_path / "plan"), open_dataset(tmp_path / "pixels"), strict=True):
        assert plan == pixels


def test_a_photograph_that_is_missing_or_another_one_is_told(plan: Path) -> None:
    photographs = plan.with_name("photographs")
    rows = open_dataset(plan)
    first, second = rows["id"][:2]
    (photographs / first).unlink()
    with pytest.raises(InputError) as missing:
        rows[0]
    shutil.copyfile(photographs / rows["id"][2], photographs / second)
    with pytest.raises(InputError) as changed:
        rows[1]
    for name, error, says in ((first, missing, "cannot be read"), (second, changed, "has changed since")):
        message = str(error.value)
        assert message.startswith(f"{photographs / name}: {plan}: row {name}: ") and says in message
        assert "make the dataset again" in message and "\n" not in message
    assert rows[2]["images"]


def test_photographs_that_moved_are_found_where_the_manifest_says(plan: Path, tmp_path: Path) -> None:
    before = rows_drawn(plan)
    plan.with_name("photographs").rename(tmp_path / "elsewhere")
    manifest = read_manifest(plan) | {"image_root": str(tmp_path / "elsewhere")}
    (plan / "manifest.json").write_text(json.dumps(manifest))
    assert rows_drawn(plan) == before


def rows_drawn(directory: Path) -> list[dict[str, Any]]:
    return list(open_dataset(directory))


def test_whatever_takes_a_dataset_draws(plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path / "home"))
    drawn = {row["id"]: row["images"][0]["bytes"] for row in open_dataset(plan)}
    assert len(set(drawn.values())) == len(drawn) >= 8
    mixed = rows_of(mixture({str(plan): 1.0}, 8, TaskSettings()))
    blended = rows_of(blend(plan, plan, 0.0, 8))
    for rows in (mixed, blended):
        assert len(rows) == 8 and all(row["images"][0]["bytes"] == drawn[name] for name, row in rows.items())
    export_dataset(plan, tmp_path / "out", "sharegpt")
    files = sorted((tmp_path / "out" / "images").iterdir())
    assert [file.read_bytes() for file in files] == list(drawn.values())
    write_preview(plan, tmp_path / "page.html")


def test_what_holds_primitives_is_never_drawn_over_again(plan: Path, tmp_path: Path) -> None:
    pixels = tmp_path / "pixels"
    overlay_data(str(plan.with_name("photographs")), pixels, ALL, render=True)
    for source in (plan, pixels):
        overlay_data(str(source), tmp_path / "again", replace(ALL, seed=1), overwrite=True)
        rows = list(open_dataset(source))
        assert read_manifest(tmp_path / "again")["overlay"] == {Outcome.HOLDS: len(rows)}
        assert list(open_dataset(tmp_path / "again")) == rows


def test_it_is_pushed_with_pixels_or_as_paths(
    plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pushed: list[Path] = []

    def keep(staged: Path, repo: str, public: bool) -> str:
        pushed.append(tmp_path / f"pushed-{len(pushed)}")
        shutil.copytree(staged, pushed[-1])
        return ""

    monkeypatch.setattr("pgt_lora.export.push_dataset._upload", keep)
    status, error = call(monkeypatch, capsys, "push-dataset", str(plan), "a/b")
    assert status == 2 and "--annotations-only" in error
    assert call(monkeypatch, capsys, "push-dataset", str(plan), "a/b", "--annotations-only")[0] == 0
    rows = load_dataset(str(pushed[0]), split="train")
    assert [row["image_paths"] for row in rows] == [[name] for name in rows["id"]]
    assert all(json.loads(overlay)["canvas"] for (overlay,) in rows["overlays"])
    manifest = read_manifest(plan)
    for source in manifest["sources"].values():
        source["license"]["redistributable"] = True
    (plan / "manifest.json").write_text(json.dumps(manifest))
    assert call(monkeypatch, capsys, "push-dataset", str(plan), "a/b")[0] == 0
    assert list(open_dataset(pushed[1])) == rows_drawn(plan)
    assert all(str(tmp_path) not in (path / "manifest.json").read_text() for path in pushed)


def test_what_was_edited_is_told_and_sealed(plan: Path) -> None:
    import pyarrow.parquet as pq

    (_, last), rows = parquet_files(plan), len(open_dataset(plan))
    pq.write_table(pq.read_table(last).slice(1), last)
    with pytest.raises(InputError, match="pgt-lora seal"):
        open_dataset(plan)
    seal(plan)
    assert len(open_dataset(plan)) == rows - 1
    (plan / CHECKED).unlink()
    assert len(open_dataset(plan)) == rows - 1


def test_a_large_one_is_mapped_and_drawn(plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_drawn(plan)
    monkeypatch.setattr("pgt_lora.data.directory.IN_MEMORY_BYTES", 0)
    assert rows_drawn(plan) == rows
    assert list((plan / "data").glob(".rows-*.arrow"))
