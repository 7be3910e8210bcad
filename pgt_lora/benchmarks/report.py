"""The table of a benchmarked model: the paper's groups, its row beside one's own, and paired differences."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.table import Table

from pgt_lora.benchmarks.catalogue import GROUPS, Benchmark
from pgt_lora.benchmarks.scores import Estimate, items_of, published, set_up_differs
from pgt_lora.errors import InputError
from pgt_lora.pages import percent, points, render_page, write_page
from pgt_lora.progress import console
from pgt_lora.results import Contrast, Result, contrasts


@dataclass(frozen=True)
class Report:
    """What was found of one model; `contrast` compares it with another one, item by item."""

    model: str
    benchmarks: Mapping[str, Benchmark]
    scores: Mapping[str, Estimate]
    groups: Mapping[str, Estimate]
    facts: Mapping[str, Any]
    contrast: Contrast | None = None

    def paper(self, name: str) -> dict[str, float]:
        """Return the paper's scores of this model's base on a benchmark, as shares by arm."""
        return published(self.facts["base"], self.benchmarks[name].column)

    @property
    def arms(self) -> list[str]:
        """The arms that the paper reports of this model's base."""
        return list(dict.fromkeys(arm for name in self.scores for arm in self.paper(name)))

    def differs(self, name: str) -> bool:
        """Tell whether the base scores otherwise here than in the paper, by more than noise."""
        paper = self.paper(name)
        return bool(paper) and not self.facts["tuned"] and set_up_differs(self.scores[name], paper["base"])

    def labels(self, name: str) -> dict[str, Any]:
        """Return what `scores.json` says of a benchmark beside its score."""
        each = self.benchmarks[name]
        rule = "pairs" if each.join else "mean over categories" if each.by_category else "share of items"
        return {"rule": rule, "note": each.note, "tasks": list(each.tasks), "paper": self.paper(name)}

    @property
    def warnings(self) -> list[str]:
        """What a reader must know before the figures, the most important first."""
        found = []
        if names := [name for name in self.scores if self.differs(name)]:
            both = [(name, percent(self.scores[name].value), percent(self.paper(name)["base"])) for name in names]
            told = ", ".join(f"{name} {score} (paper {paper})" for name, score, paper in both)
            found.append(
                f"The base scores otherwise here than in the paper, by more than the noise of the items: {told}. The "
                "set-up differs then, and a gain over the paper's figures means little."
            )
        if self.arms and self.facts["tuned"]:
            base = self.facts["base"]
            found.append(f"Whether this set-up is the paper's shows on the base: pgt-lora benchmark {base} --out …")
        if self.facts["limit"] is not None:
            found.append(f"At most {self.facts['limit']} items of each task, of lmms-eval's the first ones: a trial.")
        if self.facts["input_differs"]:
            found.append(f"lmms-eval's input and this kit's differ: {'; '.join(self.facts['input_differs'])}.")
        found += [f"{name}: {each.note}." for name, each in self.benchmarks.items() if each.note]
        return found


def against(report: Report, out: Path, reference: Path) -> Report:
    """Add the comparison with another model's results on the same items.

    Raises:
        InputError: there are none, or they are of other items.
    """
    ours, theirs = _predictions(out), _predictions(reference)
    shared = {each["task"] for each in ours} & {each["task"] for each in theirs}
    ours, theirs = ([each for each in every if each["task"] in shared] for every in (ours, theirs))
    if not shared or [each["id"] for each in ours] != [each["id"] for each in theirs]:
        raise InputError(f"--reference {reference}: not the items of {out}; benchmark both with the same settings")
    items = items_of(ours, "Benchmarks", out)
    names = reference.resolve().name, out.resolve().name
    if names[0] == names[1]:
        names = str(reference), str(out)
    (contrast,) = contrasts([Result(items, {names[0]: [theirs], names[1]: [ours]})], names)
    return replace(report, contrast=contrast)


def _predictions(directory: Path) -> list[dict[str, Any]]:
    path = directory / "predictions.jsonl"
    if not path.is_file():
        raise InputError(f"{directory}: no {path.name}; make it with: pgt-lora benchmark MODEL --out {directory}")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write_report(report: Report, out: Path) -> None:
    """Write `report.md`."""
    write_page(out / "report.md", render_page("benchmark.md.jinja", report=report, group_parts=GROUPS))


def print_report(report: Report) -> None:
    """Print what must be known first, then the benchmarks beside the paper's figures, then the groups."""
    for warning in report.warnings:
        console.print(warning, soft_wrap=True, markup=False)
    table = Table(title=report.model, caption="Scores in %. What the paper reports is of its own set-up (table 2).")
    columns = ("Benchmark", "Items", "Score", "95% interval", *(f"paper: {arm}" for arm in report.arms))
    for column in columns:
        table.add_column(column, justify="left" if column == "Benchmark" else "right", no_wrap=True)
    for name, score in report.scores.items():
        marked = f"{name} ≠" if report.differs(name) else name
        table.add_row(marked, *_cells(score), *_papers(report, name))
    if report.groups:
        table.add_section()
    for title, score in report.groups.items():
        table.add_row(title, *_cells(score), *[""] * len(report.arms))
    console.print(table)
    if report.contrast:
        print_contrast(report.contrast)


def print_contrast(contrast: Contrast) -> None:
    """Print the paired differences; the unit is an item, of MMVP a pair."""
    table = Table(
        title=f"{contrast.arm} minus {contrast.reference}, on the same items",
        caption="Points of plain accuracy. Bold: more than noise (5%, Holm's correction), and one is above chance.",
    )
    for column in ("Benchmark", "Difference", "95% interval", "Won", "Lost"):
        table.add_column(column, justify="left" if column == "Benchmark" else "right", no_wrap=True)
    for row in contrast.rows:
        value = f"[bold]{points(row.value)}[/]" if row.found else points(row.value)
        table.add_row(row.task, value, f"{points(row.low)} to {points(row.high)}", str(row.won), str(row.lost))
    console.print(table)


def _cells(score: Estimate) -> Sequence[str]:
    return str(score.num_items), percent(score.value), f"{percent(score.low)}–{percent(score.high)}"


def _papers(report: Report, name: str) -> list[str]:
    paper = report.paper(name)
    return [percent(paper[arm]) if arm in paper else "" for arm in report.arms]
