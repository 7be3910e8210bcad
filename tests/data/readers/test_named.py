"""What --data names: a dataset directory itself, or an import that is done once for a content."""

import os
import shutil
from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import MANIFEST, open_dataset
from pgt_lora.data.readers.build import import_data
from pgt_lora.data.readers.named import as_directory
from tests.support import own_data
from tests.support.mixes import mixed
from tests.support.own_data import lines, llava, png, question_rows


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_dataset_directory_is_itself(data_dir: Path, tmp_path: Path) -> None:
    assert as_directory(str(data_dir)) == data_dir
    with pytest.raises(InputError, match="not a dataset directory"):
        as_directory(str(tmp_path / "nowhere"))


def test_an_import_is_done_once_for_a_content(tmp_path: Path, home: Path) -> None:
    source = llava(tmp_path)
    first = as_directory(str(source))
    assert first.parent == home / "data"
    state = (first / MANIFEST).stat()
    assert as_directory(str(source)) == first
    assert (first / MANIFEST).stat().st_mtime_ns == state.st_mtime_ns
    source.write_text(source.read_text().replace("It is four.", "Four."))
    second = as_directory(str(source))
    assert second != first
    assert "Four." in open_dataset(second)["answer"]
    assert "It is four." in open_dataset(first)["answer"]


def test_an_image_that_was_changed_is_seen(tmp_path: Path) -> None:
    source = llava(tmp_path)
    first = as_directory(str(source))
    image = tmp_path / "coco/train2017/000000000000.png"
    image.write_bytes(png(200))
    os.utime(image, ns=(0, 0))
    second = as_directory(str(source))
    assert second != first
    assert open_dataset(second)[0]["images"][0]["bytes"] == png(200)


def test_what_cannot_be_imported_says_how_to_leave_it_out(tmp_path: Path, home: Path) -> None:
    source = llava(tmp_path)
    (tmp_path / "coco/train2017/000000000000.png").unlink()
    with pytest.raises(InputError, match=r"line \d+ \(row \d+\): its image .* --on-error skip"):
        as_directory(str(source))
    assert not list((home / "data").glob("import-*"))


def test_a_mix_takes_what_can_be_imported(tmp_path: Path, data_dir: Path) -> None:
    source = own_data.trl(tmp_path)
    mixed(tmp_path / "mix", num_samples=12, seed=0, shares={str(source): 1, str(data_dir): 1})
    sources = open_dataset(tmp_path / "mix")["source"]
    assert (sources.count("trl"), sources.count("pgt")) == (6, 6)
    with pytest.raises(InputError, match=r"--shares nowhere: not a source .*, file or Hub id"):
        mixed(tmp_path / "other", num_samples=12, seed=0, shares={"nowhere": 1})


def test_a_few_that_cannot_be_read_are_listed_and_the_others_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = llava(tmp_path)
    shutil.rmtree(tmp_path / "coco")
    with pytest.raises(InputError, match=r"\(row 1\): .*--on-error skip"):
        import_data(str(path), tmp_path / "out")
    said = capsys.readouterr().out
    assert "15 more rows cannot be read, the first of them:" in said
    assert said.count("(row ") == 5


def test_a_column_that_is_there_but_empty_is_told_so(tmp_path: Path) -> None:
    rows = [row | {"question": ""} for row in question_rows(tmp_path)[:1]]
    with pytest.raises(InputError, match="its question is empty"):
        import_data(str(lines(tmp_path / "rows.jsonl", rows)), tmp_path / "out")
