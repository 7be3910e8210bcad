"""What an evaluation writes: `scores.json` and `predictions.jsonl`, and the table on the terminal."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import read_json, write_json, write_text
from pgt_lora.core.terminal import console
from pgt_lora.core.workspace import data_directory
from pgt_lora.data.directory import read_manifest
from pgt_lora.evaluation.free_text import COUNTS
from pgt_lora.evaluation.scoring import Score

SCORES = "scores.json"


def write_scores(
    directory: Path, predictions: Iterable[Mapping[str, Any]], scores: Mapping[str, Score], facts: Mapping[str, Any]
) -> None:
    """Write `predictions.jsonl`, and `scores.json` with the scores of the tasks behind the facts.

    Where answers are free text, `scores.json` says what of them counts as right.
    """
    lines = (json.dumps(prediction, ensure_ascii=False) + "\n" for prediction in predictions)
    write_text(directory / "predictions.jsonl", "".join(lines))
    tasks = {task: _told(score) for task, score in scores.items()}
    counts = {"free_text": COUNTS} if any("f1" in told for told in tasks.values()) else {}
    write_json(directory / SCORES, {**facts, **counts, "tasks": tasks})


def _told(score: Score) -> dict[str, Any]:
    told = asdict(score) | {"accuracy": score.accuracy}
    return {name: value for name, value in told.items() if value is not None}


def read_facts(directory: Path) -> dict[str, Any]:
    """Return what `evaluate` wrote to `scores.json`: what was asked of which model, and the scores."""
    facts: dict[str, Any] = read_json(directory / SCORES)
    return facts


def scored_data(directory: Path) -> Path:
    """Return the dataset directory that was scored: where it was, or among those of the kit's directory here.

    Raises:
        InputError: it is in neither place, or holds other rows now.
    """
    facts = read_facts(directory)
    recorded = Path(facts["data"])
    data = recorded if recorded.is_dir() else data_directory(recorded.name)  # moved together with the kit's directory
    if not data.is_dir():
        raise InputError(
            f"{recorded}: missing, but {directory} was scored on it; restore it, or put it at {data}, or score the run "
            "again"
        )
    if read_manifest(data)["content_hash"] != facts["content_hash"]:
        raise InputError(f"{data}: no longer what {directory} was scored on; score the run again")
    return data


def read_scores(directory: Path) -> dict[str, Score]:
    """Return the scores of the tasks that `evaluate` wrote."""
    tasks = read_facts(directory)["tasks"]
    return {task: Score(**{k: v for k, v in score.items() if k != "accuracy"}) for task, score in tasks.items()}


def print_scores(scores: dict[str, Score], title: str) -> None:
    """Print chance, accuracy, interval and unread outputs of every task; ANLS and F1 where answers are free text."""
    table = Table(title=title)
    has_text = any(score.anls is not None for score in scores.values())
    names = ["Task", "Samples", "Chance", "Accuracy", "95% interval", "Unread", *(["ANLS", "F1"] if has_text else [])]
    for name in names:
        table.add_column(name, justify="left" if name == "Task" else "right")
    for task, score in scores.items():
        near = ["" if value is None else f"{value:.1%}" for value in (score.anls, score.f1)]
        table.add_row(
            task,
            str(score.num_samples),
            f"{score.chance:.1%}",
            f"{score.accuracy:.1%}",
            f"{100 * score.low:.1f}–{100 * score.high:.1f}%",
            f"{score.unread:.1%}",
            *(near if has_text else []),
        )
    console.print(table)
