"""The table of a benchmarked model: the paper's groups, its row beside one's own, and paired differences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from pgt_lora.core.html import percent, points, render_page, write_page
from pgt_lora.core.terminal import bold, console
from pgt_lora.evaluation.paired import Contrast
from pgt_lora.studies.benchmarks.catalog import GROUPS, Benchmark
from pgt_lora.studies.benchmarks.scores import Estimate, published, set_up_differs


@dataclass(frozen=True)
class Reference:
    """Another model's results on the same items; `is_base` tells whether it is the base of the one reported."""

    name: str
    is_base: bool
    scores: Mapping[str, Estimate]
    contrast: Contrast


@dataclass(frozen=True)
class Report:
    """What was found of one model, and of another one that it is compared with.

    `boxes` are what wrong answers choose, by benchmark, kind of question and shortcut (`boxes.chosen_wrongly`).
    `decided` says what decided the answers of each benchmark.
    """

    model: str
    benchmarks: Mapping[str, Benchmark]
    scores: Mapping[str, Estimate]
    groups: Mapping[str, Estimate]
    facts: Mapping[str, Any]
    boxes: Mapping[str, Mapping[str, Mapping[str, Mapping[str, int]]]] = field(default_factory=dict)
    decided: Mapping[str, str] = field(default_factory=dict)
    reference: Reference | None = None

    @property
    def in_paper_form(self) -> bool:
        """Whether the paper's words were asked, as far as they are known."""
        return bool(self.facts["prompts"] == "paper")

    def paper(self, name: str) -> dict[str, float]:
        """Return the paper's scores of this model's base on a benchmark, as shares by arm."""
        return published(self.facts["base"], self.benchmarks[name].column)

    @property
    def arms(self) -> list[str]:
        """The arms that the paper reports of this model's base."""
        return list(dict.fromkeys(arm for name in self.scores for arm in self.paper(name)))

    @property
    def base_scores(self) -> Mapping[str, Estimate]:
        """What the base scores here: this model or the one it is compared with; nothing where neither is the base."""
        if not self.facts["tuned"]:
            return self.scores
        return self.reference.scores if self.reference and self.reference.is_base else {}

    def differs(self, name: str) -> bool:
        """Tell whether the base scores otherwise here than in the paper, by more than noise."""
        paper = self.paper(name)
        return bool(paper) and name in self.base_scores and set_up_differs(self.base_scores[name], paper["base"])

    def labels(self, name: str) -> dict[str, Any]:
        """Return what `scores.json` says of a benchmark beside its score."""
        each = self.benchmarks[name]
        rule = "pairs" if each.join else "mean over categories" if each.by_category else "share of items"
        told: dict[str, Any] = {
            "rule": rule, "note": each.note, "tasks": list(each.tasks), "paper": self.paper(name),
        }  # fmt: skip
        if self.in_paper_form:
            told |= {"wording": each.wording.value if each.wording else "", "by": self.decided[name]}
        return told

    @property
    def warnings(self) -> list[str]:
        """What a reader must know before the figures, the most important first."""
        found = []
        if names := [name for name in self.scores if self.differs(name)]:
            both = [(name, percent(self.base_scores[name].value), percent(self.paper(name)["base"])) for name in names]
            told = ", ".join(f"{name} {score} (paper {paper})" for name, score, paper in both)
            found.append(
                f"The base scores otherwise here than in the paper, by more than the noise of the items: {told}. The "
                "set-up differs then, and a gain over the paper's figures means little."
            )
        if self.arms and not self.base_scores:
            base, prompts = self.facts["base"], " --prompts paper" if self.in_paper_form else ""
            found.append(
                f"Whether this set-up is the paper's shows on the base: pgt-lora benchmark {base}{prompts} --out DIR, "
                "then --reference DIR here."
            )
        if self.in_paper_form:
            found.append(
                "That the paper's table 2 was asked in these words is inferred, but for VSR's and CV-Bench-3D's, which "
                "it prints; it has figures beside it only where the words are printed or inferred."
            )
        if self.facts["limit"] is not None:
            found.append(f"At most {self.facts['limit']} items of each task, of lmms-eval's the first ones: a trial.")
        if self.facts["input_differs"]:
            found.append(f"lmms-eval's input and this kit's differ: {'; '.join(self.facts['input_differs'])}.")
        found += [f"{name}: {each.note}." for name, each in self.benchmarks.items() if each.note]
        return found


def write_report(report: Report, out: Path) -> None:
    """Write `report.md`."""
    write_page(out / "report.md", render_page("benchmark.md.jinja", report=report, group_parts=GROUPS))


def print_report(report: Report) -> None:
    """Print what must be known first, then the benchmarks beside the paper's figures, then the groups."""
    for warning in report.warnings:
        console.print(warning, soft_wrap=True)
    table = Table(
        title=report.model,
        caption="Scores in %. Unread: outputs that state no answer. The paper's are of its own set-up (table 2).",
        box=SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
    )
    other = [report.reference.name, "Unread"] if report.reference else []
    columns = (
        "Benchmark", "Items", "Score", "95% interval", "Unread", *other, *(f"paper: {arm}" for arm in report.arms),
    )  # fmt: skip
    for column in columns:
        fixed = column in ("Benchmark", "95% interval")
        table.add_column(column, justify="left" if column == "Benchmark" else "right", no_wrap=fixed)
    for name, score in report.scores.items():
        marked = f"{name} ≠" if report.differs(name) else name
        table.add_row(marked, *_cells(score), *_others(report, name))
    if report.groups:
        table.add_section()
    for title, score in report.groups.items():
        table.add_row(title, *_cells(score))
    console.print(table)
    if report.reference:
        print_contrast(report.reference.contrast)


def print_contrast(contrast: Contrast) -> None:
    """Print the paired differences; the unit is an item, of MMVP a pair."""
    table = Table(
        title=f"{contrast.arm} minus {contrast.reference}, on the same items",
        caption="Points of plain accuracy. Bold: more than noise (5%, Holm's correction), and one is above chance.",
    )
    for column in ("Benchmark", "Difference", "95% interval", "Won", "Lost"):
        table.add_column(column, justify="left" if column == "Benchmark" else "right", no_wrap=True)
    for row in contrast.rows:
        value = bold(points(row.value)) if row.found else points(row.value)
        table.add_row(row.task, value, f"{points(row.low)} to {points(row.high)}", str(row.won), str(row.lost))
    console.print(table)


def _cells(score: Estimate) -> Sequence[str]:
    return str(score.num_items), percent(score.value), f"{percent(score.low)}–{percent(score.high)}", _unread(score)


def _unread(score: Estimate) -> str:
    return "" if score.unread is None else percent(score.unread)


def _others(report: Report, name: str) -> list[str]:
    paper, cells = report.paper(name), []
    if report.reference:
        score = report.reference.scores.get(name)
        cells += [percent(score.value), _unread(score)] if score else ["", ""]
    return cells + [percent(paper[arm]) if arm in paper else "" for arm in report.arms]
