"""Whether a served model is the measured one: a run's held-out questions, asked over HTTP, and its answers beside."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.table import Table

from pgt_lora.core.recipe import Recipe
from pgt_lora.core.terminal import bold, console
from pgt_lora.data.turns import question
from pgt_lora.evaluation.evaluate import load_for_evaluation
from pgt_lora.evaluation.generation import Generation
from pgt_lora.evaluation.reading import parse
from pgt_lora.evaluation.scoring import correct
from pgt_lora.export.behavior import is_as_likely, scored
from pgt_lora.export.endpoint import Endpoint, ask_all
from pgt_lora.export.rounding import ROWS, rounding
from pgt_lora.models.checkpoint import Checkpoint

SHOWN = 10  # answers that differ, in the table


@dataclass(frozen=True)
class Served:
    """One answer of a served model beside the measured one; `by_rounding`: the measured model finds both likely."""

    id: str
    task: str
    measured: str
    answer: str
    was_correct: bool
    is_correct: bool
    by_rounding: bool = False

    @property
    def differs(self) -> bool:
        """Tell whether the texts differ, but for white space around them."""
        return self.measured.strip() != self.answer.strip()


def serve_check(scores: Sequence[Path], endpoint: Endpoint, checkpoint: Checkpoint, recipe: Recipe) -> bool:
    """Ask a served model the questions of a run's scored sets, print the comparison, and tell whether it is the same.

    An answer may differ only where the measured model, led along the served answer, finds each of its tokens as likely
    as the likeliest but for rounding. The measured model is loaded only where an answer differs.

    Raises:
        InputError: the held-out samples are gone, or the server cannot be asked.
    """
    passed = True
    for path in scores:
        rows, predictions, generation = scored(path)
        answers = ask_all(endpoint, rows, generation)
        compared = [_compared(*each) for each in zip(rows, predictions, answers, strict=True)]
        compared = excused(compared, rows, checkpoint, recipe, generation)
        print_comparison(path.name, compared, endpoint)
        if is_blind(path, predictions):
            console.print(
                f"No answer of {path.name} tells this model from its base: the check cannot either", style="bold"
            )
        passed = passed and not any(each.differs and not each.by_rounding for each in compared)
    return passed


def _compared(row: Mapping[str, Any], prediction: Mapping[str, Any], answer: str) -> Served:
    parsed = parse(answer, row["answer_format"], row["choices"], question(row))
    is_correct = correct(parsed, row["answer"], row["answer_format"])
    return Served(row["id"], row["task"], prediction["output"], answer, prediction["correct"], is_correct)


def is_blind(scores: Path, predictions: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether the run's own base, scored on the same set, gave every answer that the measured model gave."""
    base = scores.parents[1] / "base" / scores.name
    if not (base / "scores.json").is_file():
        return False
    _, of_base, _ = scored(base)
    return [each["output"].strip() for each in of_base] == [each["output"].strip() for each in predictions]


def excused(
    compared: Sequence[Served], rows: Any, checkpoint: Checkpoint, recipe: Recipe, generation: Generation
) -> list[Served]:
    """Return the answers, those marked that differ by rounding alone, which is measured on some of their rows."""
    differing = {index for index, each in enumerate(compared) if each.differs}
    if not differing:
        return list(compared)
    model, encoder = load_for_evaluation(checkpoint, recipe)
    leeway = rounding(model, encoder, [rows[index] for index in sorted(differing)[:ROWS]])
    margin = leeway.of_margin(model.dtype)
    by_rounding = {
        index
        for index in differing
        if is_as_likely(model, encoder, rows[index], compared[index].answer, generation, margin)
    }
    return [replace(each, by_rounding=index in by_rounding) for index, each in enumerate(compared)]


def print_comparison(name: str, compared: Sequence[Served], endpoint: Endpoint) -> None:
    """Print the accuracy of each task, measured and served, and the first answers that differ."""
    table = Table(title=f"{name}: {endpoint.name} at {endpoint.url}")
    for column in ("Task", "Questions", "Measured", "Served", "Equal", "By rounding", "Different"):
        table.add_column(column, justify="left" if column == "Task" else "right")
    tasks = sorted({each.task for each in compared})
    for task in [*tasks, *(["all"] if len(tasks) > 1 else [])]:
        of_task = [each for each in compared if task in (each.task, "all")]
        differing = [each for each in of_task if each.differs]
        excused = sum(each.by_rounding for each in differing)
        table.add_row(
            task,
            str(len(of_task)),
            f"{sum(each.was_correct for each in of_task) / len(of_task):.1%}",
            f"{sum(each.is_correct for each in of_task) / len(of_task):.1%}",
            str(len(of_task) - len(differing)),
            str(excused),
            bold(str(len(differing) - excused), "bold red") if len(differing) > excused else "0",
        )
    console.print(table)
    different = [each for each in compared if each.differs and not each.by_rounding]
    for each in different[:SHOWN]:
        console.print(
            f"{each.id}: measured {json.dumps(each.measured)}, served {json.dumps(each.answer)}", markup=False
        )
    if len(different) > SHOWN:
        console.print(f"and {len(different) - SHOWN} more")
