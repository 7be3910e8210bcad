"""Data at the door: what was edited, what means nothing, and what is no dataset directory at all."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data import seal as module
from pgt_lora.data.directory import MANIFEST, PARQUET, is_made, open_dataset, read_manifest, write_rows
from pgt_lora.data.seal import CHECKED, seal
from pgt_lora.data.turns import Form
from tests.support.command import call

Row = dict[str, Any]


@pytest.fixture
def copy(data_dir: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(data_dir, tmp_path / "copy"))


def edit(directory: Path, change: Callable[[Row], object], number: int = 3) -> None:
    table = pq.read_table(directory / PARQUET)
    rows = table.to_pylist()
    change(rows[number])
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), directory / PARQUET)


def turn(column: str, **values: str) -> Callable[[Row], object]:
    return lambda row: row[column][0].update(values)


def field(**values: Any) -> Callable[[Row], object]:
    return lambda row: row.update(values)


def several(row: Row) -> None:
    row["prompt"] += [{"role": "assistant", "content": "Red."}, {"role": "user", "content": "And this?"}]


def mended(row: Row) -> None:
    row["images"][0]["bytes"] += b"\0"


def test_an_edited_directory_is_refused_until_it_is_sealed(
    copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = read_manifest(copy)
    edit(copy, mended)
    for _ in range(2):
        with pytest.raises(InputError, match=f"edited since .*pgt-lora seal {copy}"):
            open_dataset(copy)
    assert call(monkeypatch, capsys, "seal", str(copy)) == (0, "")
    after = read_manifest(copy)
    assert len(open_dataset(copy)) == after["num_samples"]
    assert after["content_hash"] != before["content_hash"]
    assert after["sealed_by_hand"] is True
    with pytest.raises(InputError, match="sealed by hand"):  # neither taken for what is asked for, nor made anew
        is_made(copy, after["asked"])


def test_rows_may_be_removed_and_sealed(copy: Path) -> None:
    table = pq.read_table(copy / PARQUET)
    pq.write_table(table.slice(0, 5), copy / PARQUET)
    with pytest.raises(InputError, match=r"5 rows, but .* says 32"):
        open_dataset(copy)
    manifest = seal(copy)
    assert manifest["num_samples"] == sum(manifest["counts"].values()) == 5
    assert "rejections" not in manifest  # which are of the rows that were drawn


def test_sealing_what_was_not_edited_changes_nothing(copy: Path) -> None:
    before = (copy / MANIFEST).read_bytes()
    seal(copy)
    assert (copy / MANIFEST).read_bytes() == before


def test_rows_are_read_once_and_again_when_the_file_has_moved(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []
    examine = module.examine
    monkeypatch.setattr(module, "examine", lambda directory: (reads.append(1), examine(directory))[1])
    (copy / CHECKED).unlink()  # as in a directory of an earlier version
    for expected in (1, 1):
        open_dataset(copy)
        assert len(reads) == expected
    os.utime(copy / PARQUET, (0, 0))
    for expected in (2, 2):
        open_dataset(copy)
        assert len(reads) == expected
    manifest = json.loads((copy / MANIFEST).read_text())
    for change in ({"content_hash": "0" * 64}, {"counts": {}}, {"num_samples": 31}):
        (copy / MANIFEST).write_text(json.dumps(manifest | change))
        with pytest.raises(InputError, match="pgt-lora seal"):
            open_dataset(copy)


def test_a_directory_without_rows_is_refused(copy: Path) -> None:
    pq.write_table(pq.read_table(copy / PARQUET).slice(0, 0), copy / PARQUET)
    with pytest.raises(InputError, match="holds no rows"):
        seal(copy)


def test_a_fresh_directory_is_not_read_twice(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "examine", lambda directory: pytest.fail("was read"))
    open_dataset(data_dir)


MEANINGLESS = {
    "empty question": (turn("prompt", content=" "), "an empty question"),
    "empty answer": (turn("completion", content=""), "an empty answer"),
    "empty scored answer": (field(answer=""), "an empty answer"),
    "no image": (field(images=[]), "no image"),
    "empty image": (field(images=[{"bytes": b"", "path": None}]), "an empty image"),
    "image as a path": (field(images=[{"bytes": None, "path": "a.png"}]), "an empty image"),
    "other answer": (
        field(answer="sideways", answer_format="word", choices=["left", "right"]),
        "its answer 'sideways' is not among its choices: left, right",
    ),
    "no choices": (field(choices=[]), "an empty choice"),
    "system": (turn("prompt", role="system"), "a turn of 'system'"),
    "swapped": (turn("prompt", role="assistant"), "its prompt is a turn of the assistant"),
    "conversation": (several, "3 turns in its prompt; a conversation has a column of messages instead"),
    "no turn": (field(prompt=[]), "an empty prompt"),
    "empty id": (field(id=""), "an empty id"),
    "no id": (field(id=None), "an empty id"),
    "id of another": (field(id="pgt-train-1-000001"), "the id of an earlier row"),
    "format": (field(answer_format="essay"), "unknown answer_format 'essay'; known: letter, number, point"),
    "no task": (field(task=None), "no task"),
    "scene": (field(scene='{"canvas": 1}'), "a scene that cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("name", MEANINGLESS)
def test_a_row_that_means_nothing_is_named(copy: Path, tmp_path: Path, name: str) -> None:
    change, message = MEANINGLESS[name]
    edit(copy, change)
    for door in (open_dataset, seal):
        with pytest.raises(InputError, match=rf"{PARQUET}: row 4 \(.*\): {message}.*; fix or remove it, then: pgt-l"):
            door(copy)
    (tmp_path / "new").mkdir()
    with pytest.raises(InputError, match=rf"row 4 \(.*\): {message}"):
        write_rows(tmp_path / "new", pq.read_table(copy / PARQUET).to_pylist(), Form.QUESTIONS)


def cast(name: str, kind: Any) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(name)
        return table.set_column(place, name, pa.nulls(len(table), kind))

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop_columns("scene"), "its columns are not"),
        (lambda table: table.append_column("more", table.column("id")), "its columns are not"),
        (cast("id", pa.int64()), "column id is int64, not string"),
        (cast("images", pa.list_(pa.binary())), "column images is"),
        (cast("images", pa.null()), "row 1"),
        (cast("prompt", pa.string()), "column prompt is"),
        (cast("choices", pa.list_(pa.int32())), "column choices is"),
    ],
)
def test_other_columns_are_refused(copy: Path, change: Callable[[pa.Table], pa.Table], message: str) -> None:
    pq.write_table(change(pq.read_table(copy / PARQUET)), copy / PARQUET)
    with pytest.raises(InputError, match=message):
        open_dataset(copy)


def test_other_sizes_of_offsets_are_read(copy: Path) -> None:
    table = pq.read_table(copy / PARQUET)
    place = table.schema.get_field_index("id")
    table = table.set_column(place, "id", table.column("id").cast(pa.large_string()))
    pq.write_table(table.replace_schema_metadata(None), copy / PARQUET)
    assert open_dataset(copy).features["id"].dtype == "string"


@pytest.mark.parametrize("content", [b"", b"PAR1", b"\0" * 1000, "cut", "turned"])
def test_a_broken_file_is_refused(copy: Path, content: bytes | str) -> None:
    whole = (copy / PARQUET).read_bytes()
    half = len(whole) // 2
    broken = {"cut": whole[:half], "turned": whole[:half] + bytes(64) + whole[half + 64 :]}.get(str(content), content)
    (copy / PARQUET).write_bytes(broken if isinstance(broken, bytes) else b"")
    with pytest.raises(InputError, match=str(copy)):
        open_dataset(copy)


WRONG: dict[str, Any] = {
    "format": "1", "asked": [], "num_samples": "32", "counts": {"relation": "3"}, "content_hash": 7, "versions": None,
    "sources": {"vsr": {}}, "rejections": {"other": 1},
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_manifest_of_other_fields_is_refused(copy: Path, name: str) -> None:
    manifest = read_manifest(copy)
    (copy / MANIFEST).write_text(json.dumps(manifest | {name: WRONG[name]}))
    with pytest.raises(InputError, match=rf"{MANIFEST}: .*(format 1|{name})"):
        read_manifest(copy)


@pytest.mark.parametrize("text", [b"[]", b"null", b"{", b"\xff\xfe", b"[" * 100_000, b'{"format": 1}'])
def test_what_is_no_manifest_is_refused(copy: Path, text: bytes) -> None:
    (copy / MANIFEST).write_bytes(text)
    with pytest.raises(InputError, match=MANIFEST):
        read_manifest(copy)
