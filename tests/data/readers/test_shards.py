"""Splits of several files, as a clone of a dataset of the Hub holds them."""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import PARQUET
from pgt_lora.data.readers.named import as_directory
from pgt_lora.data.readers.places import open_table
from tests.support.own_data import lines


def numbers(source: Path, split: str | None = None) -> list[int]:
    return [row["n"] for _, row in open_table(str(source), split).rows()]


def part(path: Path, *rows: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"n": rows}), path)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with a split of two shards, and one of a single file."""
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone" / "README.md").write_text("# Data\n")
    part(tmp_path / "clone" / "data" / "train-00000-of-00002.parquet", 1, 2)
    part(tmp_path / "clone" / "data" / "train-00001-of-00002.parquet", 3)
    part(tmp_path / "clone" / "data" / "test-00000-of-00001-0a1b2c.parquet", 4)
    return tmp_path / "clone"


def test_a_clone_is_read_as_a_whole(clone: Path) -> None:
    assert numbers(clone) == numbers(clone / "data", "train") == [1, 2, 3]
    assert numbers(clone, "test") == [4]
    assert len(open_table(str(clone)).facts["files"]) == 2
    with pytest.raises(InputError, match="no split dev; pass --split with one of test, train"):
        open_table(str(clone), "dev")


def test_one_shard_of_several_is_not_taken_for_all(clone: Path) -> None:
    first = clone / "data" / "train-00000-of-00002.parquet"
    with pytest.raises(InputError, match=f"one of 2 shards of train; name their directory in its place, {clone}, or"):
        open_table(str(first))
    assert numbers(clone / "data" / "test-00000-of-00001-0a1b2c.parquet") == [4]
    first.rename(clone / "data" / "first.parquet")
    assert numbers(clone / "data" / "first.parquet") == [1, 2]
    with pytest.raises(InputError, match=r"train that are not its 2 shards, each once: train-00001-of-00002.parquet;"):
        open_table(str(clone), "train")


def test_shards_of_lines_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in range(1, 12):  # the tenth comes before the second by its name
        lines(tmp_path / f"rows-{number}-of-11.jsonl", [{"n": number}])
    assert numbers(tmp_path) == list(range(1, 12))
    with pytest.raises(InputError, match=f"place, {tmp_path} --split rows, or"):
        open_table(str(tmp_path / "rows-3-of-11.jsonl"))


def test_folders_with_shards_are_named(clone: Path) -> None:
    (clone / "data").rename(clone / "ai2d")
    with pytest.raises(InputError, match=r"clone: no dataset directory .* name one of its folders that are: ai2d"):
        open_table(str(clone))
    assert numbers(clone / "ai2d") == [1, 2, 3]


def test_a_pointer_of_git_lfs_is_told(clone: Path) -> None:
    (clone / "data" / "train-00000-of-00002.parquet").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(InputError, match=r"00002.parquet: a pointer of Git LFS.*; run git lfs pull"):
        numbers(clone)


def test_a_clone_of_one_file_is_no_unfinished_dataset_directory(data_dir: Path, tmp_path: Path) -> None:
    part(tmp_path / "clone" / PARQUET, 1)
    with pytest.raises(InputError, match="with the columns n it is of no known form"):
        as_directory(str(tmp_path / "clone"))
    shutil.copytree(data_dir / "data", tmp_path / "unfinished" / "data")
    for read in (as_directory, open_table):
        with pytest.raises(InputError, match="not a finished dataset directory"):
            read(str(tmp_path / "unfinished"))
    with pytest.raises(InputError, match="leave out --split"):
        open_table(str(data_dir), "train")
