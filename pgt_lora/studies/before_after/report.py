"""The end of a run: base against fine-tuned, as a table on the terminal and as one page to open."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import read_json, read_json_lines
from pgt_lora.core.html import percent, points, render_page, write_page
from pgt_lora.core.html.charts import PALETTE, logged
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.terminal import bold, console
from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.data.images import data_url, page_file
from pgt_lora.data.preview import first_of_each
from pgt_lora.evaluation.headline import RULES, headline
from pgt_lora.evaluation.held_out import title
from pgt_lora.evaluation.paired import BASE, contrasts, read_items, read_result
from pgt_lora.evaluation.score_files import read_facts, read_scores
from pgt_lora.evaluation.scoring import Score

NUM_EXAMPLES = 12
TUNED = "fine-tuned"
GAIN = "Gain = fine-tuned accuracy minus the higher of base and chance (below chance, it counts as chance)."


@dataclass(frozen=True)
class Row:
    """One task before and after."""

    task: str
    base: Score
    finetuned: Score

    @property
    def gain(self) -> float:
        """Fine-tuned accuracy minus base accuracy; below chance, each counts as chance."""
        chance = self.base.chance
        return max(self.finetuned.accuracy, chance) - max(self.base.accuracy, chance)


@dataclass(frozen=True)
class Comparison:
    """One test set before and after."""

    title: str
    rows: tuple[Row, ...]

    @property
    def has_text(self) -> bool:
        """Whether answers are free text, which have measures of nearness beside what is right."""
        return any(row.finetuned.anls is not None for row in self.rows)

    def mean(self, of: str) -> float:
        """Return the mean over the tasks of `chance`, `base`, `finetuned`, `gain` or an `unread` share."""
        values = {
            "chance": lambda row: row.base.chance,
            "base": lambda row: row.base.accuracy,
            "finetuned": lambda row: row.finetuned.accuracy,
            "gain": lambda row: row.gain,
            "base unread": lambda row: row.base.unread,
            "finetuned unread": lambda row: row.finetuned.unread,
        }
        return sum(values[of](row) for row in self.rows) / len(self.rows)


def compare(run: Path, tests: Sequence[str]) -> list[Comparison]:
    """Read what a run scored before and after on every test set.

    Raises:
        InputError: it was not scored on the same items.
    """
    found = []
    for test in tests:
        stages = run / "base" / test, run / "finetuned" / test
        if len({read_facts(stage)["content_hash"] for stage in stages}) > 1:
            raise InputError(f"{stages[1]}: scores of other items than {stages[0]}; delete both to score them again")
        base, finetuned = map(read_scores, stages)
        rows = tuple(Row(task, base[task], finetuned[task]) for task in base)
        found.append(Comparison(title(test), rows))
    return found


def print_comparison(run: Path, tests: Sequence[str]) -> None:
    """Print base against fine-tuned, per task."""
    for comparison in compare(run, tests):
        caption = f"In %. {GAIN} Unread: outputs that state no answer."
        table = Table(title=comparison.title, caption=caption, box=SIMPLE_HEAD, padding=(0, 0, 0, 1), show_edge=False)
        for column in ("Task", "Samples", "Chance", "Base", "Unread", "Tuned", "95%", "Unread", "Gain"):
            task = column == "Task"  # where the terminal is narrow, a name is broken and no figure is
            table.add_column(column, justify="left" if task else "right", no_wrap=not task)
        for row in comparison.rows:
            after = row.finetuned
            table.add_row(
                row.task, str(after.num_samples), percent(row.base.chance), percent(row.base.accuracy),
                percent(row.base.unread),
                bold(percent(after.accuracy)), f"{percent(after.low)}–{percent(after.high)}",
                percent(after.unread), points(row.gain),
            )  # fmt: skip
        table.add_section()
        names = ("chance", "base", "base unread", "finetuned", "finetuned unread")
        *means, unread = (percent(comparison.mean(of)) for of in names)
        table.add_row("mean", "", *means, "", unread, points(comparison.mean("gain")))
        console.print(table)


def write_report(run: Path, recipe: Recipe, tests: Mapping[str, Path], data: Path) -> None:
    """Write `report.html`: scores, what was logged, verification, and held-out images with both models' answers."""
    facts = read_json(run / "adapter" / "run.json")
    verification = read_json(run / "merged" / "verification.json")
    log = read_json(run / "adapter" / "loss.json")
    html = render_page(
        "report.html.jinja",
        name=recipe.name,
        base=recipe.base,
        facts=facts,
        recipe=recipe.dump(),
        headline=sentence(run, tests),
        rules=RULES,
        command=command(run, data, tests),
        data=data,
        sets={title(test): (path, read_manifest(path)["content_hash"]) for test, path in tests.items()},
        comparisons=compare(run, list(tests)),
        gain=GAIN,
        charts=logged([{"arm": TUNED, "seed": None, "loss": log}], {TUNED: PALETTE[0]}),
        verification=verification,
        examples=examples(run, tests),
    )
    write_page(run / "report.html", html)


def sentence(run: Path, tests: Mapping[str, Path]) -> str:
    """Return what training taught and what it cost, by the paired differences on every test set."""
    results = [
        read_result(read_items(title(test), path), {BASE: [run / "base" / test], TUNED: [run / "finetuned" / test]})
        for test, path in tests.items()
    ]
    return headline("Fine-tuning", TUNED, results, contrasts(results, [BASE, TUNED]))


def command(run: Path, data: Path, tests: Mapping[str, Path]) -> str:
    """Return the command that makes this run again from its recipe and its data."""
    given = [word for path in tests.values() for word in ("--eval-data", str(path))]
    recipe = str(run / "adapter" / "recipe.yaml")
    return shlex.join(["pgt-lora", "run", recipe, "--data", str(data), *given, "--out", "DIR"])


def examples(run: Path, tests: Mapping[str, Path]) -> list[dict[str, Any]]:
    """Return a dozen samples of the first test set with both answers: the first of each task in turn."""
    name, data = next(iter(tests.items()))
    before, after = (read_json_lines(run / stage / name / "predictions.jsonl") for stage in ("base", "finetuned"))
    rows = open_dataset(data)
    return [
        {
            "images": [data_url(page_file(image, f"row {rows[i]['id']}")) for image in rows[i]["images"]],
            "before": before[i],
            "after": after[i],
        }
        for i in first_of_each([prediction["task"] for prediction in after], NUM_EXAMPLES)
    ]
