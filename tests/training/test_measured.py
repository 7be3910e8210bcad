"""What training needs of its rows is read in one pass."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pgt_lora.core.recipe import Recipe
from pgt_lora.data import checked_images, images
from pgt_lora.data.directory import open_dataset
from pgt_lora.models import encoding
from pgt_lora.training.finetune import finetune
from pgt_lora.training.measured import measured


class Counted:
    """Rows that know how often they were read."""

    def __init__(self, rows: Any) -> None:
        self.rows, self.read = rows, 0

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Any]:
        for row in self.rows:
            self.read += 1
            yield row


def test_every_row_is_read_once(recipe: Recipe, data_dir: Path) -> None:
    rows = Counted(open_dataset(data_dir))
    found = measured(recipe, rows, data_dir)
    assert rows.read == len(rows)
    assert [length.row_id for length in found.lengths] == rows.rows["id"]
    assert len({length.images for length in found.lengths}) == len(rows)
    assert len(found.encoder.texts) == len({str(row["prompt"]) + row["answer"] for row in rows.rows})


@pytest.mark.slow
def test_a_second_run_decodes_no_image(
    recipe: Recipe, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = Path(shutil.copytree(data_dir, tmp_path / "pgt", ignore=shutil.ignore_patterns(".decoded.json")))
    decoded: list[str] = []
    original = images.decode

    def counted(image: Any, name: str) -> Any:
        decoded.append(name)
        return original(image, name)

    for module in (checked_images, encoding):
        monkeypatch.setattr(module, "decode", counted)
    finetune(recipe, data, tmp_path / "first")
    assert len(decoded) == 2 * 32  # before the run starts, and for the features
    decoded.clear()
    finetune(recipe, data, tmp_path / "second")
    assert not decoded
