"""Diagnoses of planted models."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pgt_lora.data.directory import open_dataset
from pgt_lora.data.probes import probe_samples
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.evaluation.evaluate import prediction
from pgt_lora.evaluation.paired import Result, read_items
from pgt_lora.studies.diagnose.charts import measure
from pgt_lora.studies.diagnose.figures import Item, diagnose
from pgt_lora.studies.diagnose.report import MODEL, Diagnosis
from pgt_lora.studies.diagnose.shares import Skill
from pgt_lora.studies.diagnose.verdict import Verdict, headline, judge
from tests.support import planted
from tests.support.discovered import TASKS

SMALL = TaskSettings(Canvas(112, 112))


def planted_diagnosis(data: Path, model: planted.Model) -> Diagnosis:
    predictions = [prediction(row, model(row)) for row in open_dataset(data)]
    return Diagnosis("planted", Result(read_items("probes", data), {MODEL: [predictions]}), "hash", "pgt-lora diagnose")


def measured(data: Path, task: str, model: Callable[[Any], str]) -> list[Any]:
    return measure([Item(row, prediction(row, model(row))) for row in open_dataset(data) if row["task"] == task])


SETTINGS = TaskSettings(Canvas(112, 112), split="test")
SENSES = {name: task.sees for name, task in TASKS.items()}


@cache
def rows(num_pairs: int = 60) -> tuple[dict[str, Any], ...]:
    probed = [task for task in TASKS.values() if task.probe]
    pairs = (probe_samples(task, index, SETTINGS) for index in range(num_pairs) for task in probed)
    return tuple(sample.to_row() for pair in pairs for sample in pair)


def answered(model: planted.Model, asked: Sequence[dict[str, Any]] | None = None) -> list[Skill]:
    return diagnosed(model, asked) if asked else on_all_rows(model)


def diagnosed(model: planted.Model, asked: Sequence[dict[str, Any]]) -> list[Skill]:
    return diagnose([Item(row, prediction(row, model(row))) for row in asked])


@cache
def on_all_rows(model: planted.Model) -> list[Skill]:
    return diagnosed(model, rows())


def verdicts(model: planted.Model, asked: Sequence[dict[str, Any]] | None = None) -> dict[str, Verdict]:
    return {skill.task: judge(skill) for skill in answered(model, asked)}


def kinds(model: planted.Model) -> dict[str, str]:
    return {task: verdict.kind for task, verdict in verdicts(model).items()}


def said(model: planted.Model) -> str:
    return " ".join(headline(list(verdicts(model).values()), SENSES))
