"""What is not a number: the empty cell of pandas, which is no answer, no task, no group and no image."""

import json
from math import inf, nan
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import open_dataset
from pgt_lora.data.readers.build import import_data
from tests.support.own_data import question_rows

EMPTY = ("task", "group", "choices", "system", "answer_format")


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))  # JSON lines with the word NaN
    return path


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_nan_says_nothing(suffix: str, tmp_path: Path) -> None:
    rows = question_rows(tmp_path)
    (plain,) = import_data(str(written(tmp_path / f"rows.{suffix}", rows)), tmp_path / "plain")
    emptied = [row | dict.fromkeys(EMPTY, nan) for row in rows]
    (out,) = import_data(str(written(tmp_path / f"rows.{suffix}", emptied)), tmp_path / "emptied")
    assert open_dataset(out).to_list() == open_dataset(plain).to_list()


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"answer": nan}, "its answer is empty"),
        ({"answer": inf}, "its answer is inf; one text or number is needed"),
        ({"answer": "1", "choices": [1.0, nan]}, "one of its choices is nan; one text or number is needed"),
    ],
)
def test_what_is_no_number_is_no_answer(suffix: str, change: dict[str, Any], says: str, tmp_path: Path) -> None:
    path = written(tmp_path / f"rows.{suffix}", [row | change for row in question_rows(tmp_path)])
    with pytest.raises(InputError, match=rf"{path}, .* 1[^0-9].*{says}"):
        import_data(str(path), tmp_path / "out")


def test_a_stated_answer_is_a_text_or_a_number(tmp_path: Path) -> None:
    images = [{"image": row["image"]} for row in question_rows(tmp_path)]
    said = [{"role": "user", "content": "How many?"}, {"role": "assistant", "content": "Two, I think."}]
    rows = [image | {"messages": said, "answer": stated} for image, stated in zip(images, (nan, inf), strict=False)]
    (out,) = import_data(str(written(tmp_path / "rows.jsonl", rows[:1])), tmp_path / "out")
    assert open_dataset(out)[0]["answer"] == "Two, I think."
    with pytest.raises(InputError, match="its answer is inf"):
        import_data(str(written(tmp_path / "rows.jsonl", rows)), tmp_path / "other")


def test_an_image_that_is_nan_is_none(tmp_path: Path) -> None:
    first, *others = question_rows(tmp_path)
    rows = [{**first, "image": nan}, *others]
    (out,) = import_data(str(written(tmp_path / "rows.jsonl", rows)), tmp_path / "out")
    assert [len(row["images"]) for row in open_dataset(out)] == [0, *[1] * len(others)]
