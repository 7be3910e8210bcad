"""The synthetic sets of absolute position: whole, with distractors, and the first rows of them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.streams import stream
from pgt_lora.core.workspace import data_directory
from pgt_lora.data.directory import is_made, open_dataset, read_manifest, write_manifest, write_rows
from pgt_lora.data.exhaustive import exhaustive_request, generate_exhaustive
from pgt_lora.data.mix.draw import evenly
from pgt_lora.data.readers.build import test_directory
from pgt_lora.data.scene import Canvas
from pgt_lora.data.split import Stratify, cell_of, split, split_request
from pgt_lora.data.tasks.absolute_position import TASK
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.data.turns import Form

VALIDATION_SHARE = 0.2  # section 3.2.2: 1,296 of 1,620 items to train on, 324 to stop by


def every_item(recipe: Recipe, which: str, num_distractors: int = 0) -> Path:
    """Return the directory of every item of a split, made where it is not there yet: 1,620 or 3,888."""
    settings = TaskSettings(Canvas.parse(recipe.kit.canvas), num_distractors=num_distractors)
    path = data_directory(f"pgt-position-{num_distractors}-every-{which}-{settings.canvas}")
    if not is_made(path, exhaustive_request(TASK.name, 0, which, settings)):
        generate_exhaustive(path, task=TASK.name, seed=0, split=which, settings=settings, overwrite=True)
    return path


def training_items(recipe: Recipe, num_distractors: int = 0, share: float = 1.0) -> Path:
    """Return the directory of four fifths of the training items, or of the first ones of them; the fifth lies beside.

    A smaller share's items are among those of a larger one, and their cells and answers are as even as can be. The
    fifth, which training stops by, is the same for all shares.
    """
    whole = every_item(recipe, "train", num_distractors)
    path = whole.with_name(whole.name.replace("-every", ""))
    if not is_made(path, split_request(whole, VALIDATION_SHARE, Stratify.CELL, is_test=False)):
        split(whole, path, VALIDATION_SHARE, stratify=Stratify.CELL, overwrite=True)
    return path if share == 1 else _first(path, share)


def _first(data: Path, share: float) -> Path:
    path = data.with_name(f"{data.name}-share-{share:g}")
    rows = open_dataset(data)
    asked = {"of": read_manifest(data)["content_hash"], "share": share, "seed": 0}
    if not is_made(path, asked):
        known = rows.select_columns(["id", "task", "scene", "prompt", "answer"]).to_list()
        strata = [(row["answer"], str(cell_of(row))) for row in known]
        order = evenly(stream(0, "position", "order"), strata)[: round(share * len(rows))]
        _write(path, asked, (rows[index] for index in order))
    beside = test_directory(path)
    validation = test_directory(data)
    asked = {"of": read_manifest(validation)["content_hash"], "share": 1.0}
    if not is_made(beside, asked):
        _write(beside, asked, open_dataset(validation))
    return path


def _write(path: Path, asked: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> None:
    with new_directory(path, overwrite=True) as directory:
        write_manifest(directory, asked, write_rows(directory, rows, Form.QUESTIONS))
