"""Datasets that are too large to be held in memory."""

import pickle
import random
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pgt_lora.data import blend as blend_module
from pgt_lora.data import directory as module
from pgt_lora.data.blend import blend
from pgt_lora.data.digests import image_digests
from pgt_lora.data.directory import PARQUET, open_dataset, write_manifest, write_rows
from pgt_lora.data.parquet import batches
from pgt_lora.data.preview import write_preview
from pgt_lora.data.sample import Sample
from pgt_lora.data.seal import seal
from pgt_lora.data.turns import Form
from pgt_lora.export.push_dataset import _write_annotations as write_annotations
from tests.support.originals import jpeg

NUM_ROWS = 1000
IMAGE_BYTES = 50_000


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dataset directory of 50 MB."""
    monkeypatch.setattr(module, "IN_MEMORY_BYTES", 1 << 20)
    directory, rng = tmp_path / "large", random.Random(0)
    directory.mkdir()
    samples = (
        Sample(
            f"row-{i}",
            (jpeg(i % 9) + rng.randbytes(IMAGE_BYTES),),
            "Which?",
            "left",
            "pgt",
            "relation",
            "A",
            "text",
            "g",
        )
        for i in range(NUM_ROWS)
    )
    write_manifest(directory, {}, write_rows(directory, (sample.to_row() for sample in samples), Form.QUESTIONS))
    return directory


def test_it_is_opened_checked_and_shown_without_being_held(large: Path, tmp_path: Path) -> None:
    stored = pq.read_table(large / PARQUET, columns=["id", "images"]).to_pylist()
    (large / ".checked.json").unlink()
    allocated, sizes = pa.total_allocated_bytes(), []
    rows = open_dataset(large)
    sizes.append(pa.total_allocated_bytes() - allocated)
    write_preview(large, tmp_path / "page.html", num_images=5)
    sizes.append(pa.total_allocated_bytes() - allocated)
    sizes += [pa.total_allocated_bytes() - allocated for _ in batches(large / PARQUET)]  # as they are read
    assert max(sizes[:2]) < 0.05 * NUM_ROWS * IMAGE_BYTES
    assert max(sizes) < 0.8 * NUM_ROWS * IMAGE_BYTES
    assert rows.select_columns(["id", "images"]).to_list() == stored


def test_it_reaches_another_process_by_its_path(large: Path) -> None:
    rows = open_dataset(large)
    letter = pickle.dumps(rows)
    assert len(letter) < 100_000
    assert pickle.loads(letter)[NUM_ROWS - 1] == rows[NUM_ROWS - 1]


def test_its_layout_is_made_once_and_anew_after_an_edit(large: Path) -> None:
    open_dataset(large)
    (first,) = (large / "data").glob(".rows-*")
    then = first.stat().st_mtime_ns
    open_dataset(large)
    assert first.stat().st_mtime_ns == then
    table = pq.read_table(large / PARQUET)
    pq.write_table(table.slice(1), large / PARQUET)
    seal(large)
    assert open_dataset(large)[0]["id"] == "row-1"
    (second,) = (large / "data").glob(".rows-*")
    assert second != first


def test_its_images_pass_through_and_are_not_held(large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a blend, among published annotations, and where a comparison looks for images that were trained on."""
    monkeypatch.setattr(blend_module, "data_directory", lambda name: tmp_path / "blend")
    open_dataset(large)
    peaks = {}
    for name, work in {
        "blend": lambda: blend(large, large, 1.0, NUM_ROWS),
        "annotations": lambda: write_annotations(large, tmp_path / "annotations.parquet"),
        "digests": lambda: list(image_digests(large)),
    }.items():
        tracemalloc.start()
        work()
        peaks[name] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert {name for name, peak in peaks.items() if peak > 0.5 * NUM_ROWS * IMAGE_BYTES} == set(), peaks
    assert pq.read_table(tmp_path / "annotations.parquet").num_rows == NUM_ROWS
    assert len(open_dataset(tmp_path / "blend")) == NUM_ROWS
