"""Run directories as they are after scoring, with made-up answers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pgt_lora.data.directory import read_manifest
from pgt_lora.data.generate import generate
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.evaluation.evaluate import prediction
from pgt_lora.evaluation.paired import read_items
from pgt_lora.evaluation.score_files import write_scores
from pgt_lora.evaluation.scoring import score_by_task

BASE = "data/tiny-qwen2.5-vl"


ALIKE = {"relation": 1.0, "distance": 1.0}


def questions(out: Path, weights: Mapping[str, float] = ALIKE) -> Path:
    """Write a dataset directory of two tasks, so many that a great gain is more than noise."""
    generate(
        out, num_samples=80, seed=3, weights=weights, settings=TaskSettings(Canvas(112, 112)), overwrite=out.exists()
    )
    return out


def scored(directory: Path, data: Path, right: dict[str, float], seed: int = 0) -> None:
    """Write the scores of a model that is right on each task with the given chance."""
    items = read_items("made up", data)
    rng = np.random.default_rng(seed)
    predictions = [
        prediction(row | {"prompt": [{"content": "?"}]}, row["answer"] if rng.random() < right[row["task"]] else "?")
        for row in items.rows
    ]
    directory.mkdir(parents=True)
    facts = {"model": "m", "data": str(data), "content_hash": read_manifest(data)["content_hash"]}
    write_scores(directory, predictions, score_by_task(items.rows, predictions), facts)


def scored_run(
    run: Path, data: Path, before: dict[str, float], after: dict[str, float], base: str = BASE, **fields: Any
) -> Path:
    """Write a run that was scored before and after on one set; `fields` are of its recipe."""
    run.mkdir(parents=True)
    recipe = {"model_name_or_path": base, "seed": 0, **fields}
    (run / "started.json").write_text(json.dumps({"recipe": recipe, "content_hash": "0123456789abcdef"}))
    scored(run / "base" / "pgt", data, before)
    scored(run / "finetuned" / "pgt", data, after, 1 + recipe["seed"])
    return run
