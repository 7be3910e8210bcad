"""What is published, and what is refused: a server on loopback stands in for the Hub."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import DatasetCard

from pgt_lora.cli import app as cli
from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import MANIFEST, PARQUET, open_dataset, read_manifest
from pgt_lora.data.generate import generate
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.export.push_dataset import card, push, size_category
from pgt_lora.tiny.standin import IMAGES, annotations, write_standin
from tests.support.hub_calls import call, call_here
from tests.support.hub_server import Hub, Repo
from tests.support.mixes import mixed as build


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("mixed")
    write_standin(directory / "s", 12, seed=0)
    (directory / "groups.txt").write_text("coco:2000001\n")
    build(
        directory / "m", num_samples=9, seed=0, annotations=annotations(directory / "s"),
        image_root=directory / "s" / IMAGES, exclude=[str(directory / "groups.txt")],
    )  # fmt: skip
    return directory / "m"


def test_images_that_may_not_be_passed_on_are_refused(mixed: Path) -> None:
    for dry_run in (True, False):
        with pytest.raises(InputError, match=r"spatialladder: ScanNet.*tallyqa: COCO.*vsr.*--annotations-only"):
            push(mixed, "me/mix", public=False, annotations_only=False, dry_run=dry_run)


def test_a_mix_that_holds_such_images_is_refused_too(mixed: Path, tmp_path: Path) -> None:
    build(
        tmp_path / "a",
        num_samples=4,
        seed=0,
        shares={str(mixed): 1, "pgt": 1},
        pgt=TaskSettings(Canvas(112, 112)),
    )
    with pytest.raises(InputError, match="m: ScanNet"):
        push(tmp_path / "a", "me/mix", public=False, annotations_only=False, dry_run=True)


def test_annotations_alone_are_listed_and_hold_no_image(
    mixed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        sys, "argv", ["pgt-lora", "push-dataset", str(mixed), "me/mix", "--annotations-only", "--dry-run"]
    )
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines()[:3]] == ["README.md", PARQUET, MANIFEST]
    assert "# mix" in said
    assert "`image_paths`" in said


def test_the_annotations_name_their_images(mixed: Path, tmp_path: Path) -> None:
    from pgt_lora.export.push_dataset import _write_annotations

    _write_annotations(mixed, path := tmp_path / "a.parquet")
    rows, stored = pq.read_table(path).to_pylist(), open_dataset(mixed).to_list()
    assert len(rows) == 9
    for row, whole in zip(rows, stored, strict=True):
        assert row.pop("image_paths") == [image["path"] for image in whole.pop("images")]
        assert row == whole
    assert path.stat().st_size < (mixed / PARQUET).stat().st_size / 2


def test_the_card_names_sources_licenses_and_what_was_removed(mixed: Path) -> None:
    made = DatasetCard(card(read_manifest(mixed), "me/mix", annotations_only=True))
    assert made.data.license == "other"
    assert made.data.size_categories == ["n<1K"]
    for part in ("hongxingli/SpatialLadder-26k | 3 |", "CC BY 4.0", "ScanNet", "- vsr: 1 rows (image in groups.txt)"):
        assert part in made.text


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0, "n<1K"), (999, "n<1K"), (1_000, "1K<n<10K"), (999_999, "100K<n<1M"), (1_000_000, "1M<n<10M"),
        (665_298_000, "100M<n<1B"), (10**12 - 1, "100B<n<1T"), (10**12, "n>1T"),
    ],
)  # fmt: skip
def test_a_size_is_one_that_the_hub_knows(number: int, name: str) -> None:
    assert size_category(number) == name


def test_what_the_project_drew_itself_may_be_pushed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generate(tmp_path / "pgt", num_samples=3, seed=0, settings=TaskSettings(Canvas(112, 112)))
    capsys.readouterr()
    push(tmp_path / "pgt", "me/pgt", public=False, annotations_only=False, dry_run=True)
    said = capsys.readouterr().out
    assert f"{PARQUET}  {(tmp_path / 'pgt' / PARQUET).stat().st_size:,} bytes" in said
    assert "license: apache-2.0" in said
    with pytest.raises(InputError, match="me/pgt: the push failed"):  # the tests are offline
        push(tmp_path / "pgt", "me/pgt", public=False, annotations_only=False, dry_run=False)
    (tmp_path / "pgt" / MANIFEST).unlink()
    with pytest.raises(InputError, match="not a finished"):
        push(tmp_path / "pgt", "me/pgt", public=False, annotations_only=False, dry_run=True)


@pytest.mark.parametrize("fresh_process", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_push_is_private_and_never_into_what_is_public(fresh_process: bool, mixed: Path, tmp_path: Path) -> None:
    hub = Hub()

    def push_to(name: str, *words: str) -> subprocess.CompletedProcess[str]:
        return call_here(hub, tmp_path, "push-dataset", str(mixed), name, *words)

    try:
        words = ["push-dataset", str(mixed), "me/mix", "--annotations-only"]
        done = call(hub, tmp_path, "-m", "pgt_lora", *words) if fresh_process else call_here(hub, tmp_path, *words)
        assert done.returncode == 0, done.stderr
        pushed = hub.repos["me/mix"]
        assert pushed.private
        files = pushed.branches["main"]
        assert set(files) == {"README.md", MANIFEST, PARQUET}
        assert "image_paths" in pq.read_schema(pa.BufferReader(files[PARQUET])).names
        assert "images" not in pq.read_schema(pa.BufferReader(files[PARQUET])).names
        hub.repos["me/open"] = Repo(private=False)
        refused = push_to("me/open", "--annotations-only")
        assert refused.returncode == 2
        assert "me/open: exists and is public" in refused.stderr
        assert hub.repos["me/open"].branches == {"main": {}}
        assert push_to("me/new").returncode == 2
        assert "me/new" not in hub.repos
    finally:
        hub.shutdown()
        hub.server_close()
