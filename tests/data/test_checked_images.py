"""Images are decoded once for a content, and again where anything is another."""

import shutil
from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data import checked_images as module
from pgt_lora.data.checked_images import DECODED, checked_images, write_record
from pgt_lora.data.directory import open_dataset


@pytest.fixture
def own_dir(data_dir: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(data_dir, tmp_path / "pgt", ignore=shutil.ignore_patterns(DECODED)))


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The rows whose images are decoded, as it happens."""
    names: list[str] = []
    monkeypatch.setattr(module, "decode", lambda image, name: names.append(name))
    return names


def test_images_that_were_decoded_are_not_again(
    own_dir: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = open_dataset(own_dir)
    assert [row["id"] for row in checked_images(rows, own_dir)] == rows["id"]
    assert len(decoded) == len(rows)
    assert [row["id"] for row in checked_images(rows, own_dir)] == rows["id"]
    assert len(decoded) == len(rows)
    monkeypatch.setattr("PIL.__version__", "another")
    list(checked_images(rows, own_dir))
    assert len(decoded) == 2 * len(rows)


def test_a_record_of_other_rows_counts_for_nothing(own_dir: Path, data_dir: Path, decoded: list[str]) -> None:
    (own_dir / DECODED).write_text('{"content_hash": "of other rows"}')
    rows = open_dataset(own_dir)
    list(checked_images(rows, own_dir))
    assert len(decoded) == len(rows)


def test_nothing_is_recorded_before_the_last_row_or_beside_a_broken_image(own_dir: Path) -> None:
    rows = open_dataset(own_dir).to_list()
    next(checked_images(rows, own_dir))
    assert not (own_dir / DECODED).exists()
    rows[-1]["images"] = [{"bytes": b"no image", "path": None}]
    with pytest.raises(InputError, match=f"^{own_dir}: row {rows[-1]['id']}: its image cannot be read"):
        list(checked_images(rows, own_dir))
    assert not (own_dir / DECODED).exists()


def test_several_processes_share_the_images_out(own_dir: Path, decoded: list[str]) -> None:
    rows = open_dataset(own_dir)
    for process in range(3):
        assert len(list(checked_images(rows, own_dir, 3, process))) == len(rows)
    assert sorted(decoded) == sorted(f"{own_dir}: row {row_id}" for row_id in rows["id"])
    assert not (own_dir / DECODED).exists()  # none of them knows of the others
    write_record(own_dir)
    list(checked_images(rows, own_dir, 3, 0))
    assert len(decoded) == len(rows)
