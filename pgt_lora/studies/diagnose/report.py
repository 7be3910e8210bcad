"""The end of a diagnosis: a table and a few sentences on the terminal, `diagnosis.json`, and a page to open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from pgt_lora.core.files import write_json
from pgt_lora.core.html import percent, render_page, write_page
from pgt_lora.core.html.charts import colors
from pgt_lora.core.terminal import bold, console
from pgt_lora.data.tasks.task import Traits
from pgt_lora.data.weights import tasks
from pgt_lora.evaluation.paired import Result
from pgt_lora.studies.diagnose.charts import (
    Axis,
    Map,
    accuracy_map,
    axes,
    axis_chart,
    image_map,
    measure,
    misses,
    trends,
    vote_map,
)
from pgt_lora.studies.diagnose.confusion import Matrix, confusion
from pgt_lora.studies.diagnose.figures import Item, diagnose
from pgt_lora.studies.diagnose.shares import Share, Skill
from pgt_lora.studies.diagnose.verdict import Verdict, headline, judge

MODEL = "model"  # the one arm of the result


@dataclass(frozen=True)
class Drawn:
    """What is drawn of one skill."""

    axes: Sequence[Axis]
    trends: Sequence[str]
    map: Map | None
    confusion: Matrix


@dataclass(frozen=True)
class Diagnosis:
    """All that the answers of one model to one dataset say."""

    name: str
    result: Result
    content_hash: str
    command: str

    @cached_property
    def items(self) -> list[Item]:
        """The rows with their predictions."""
        (predictions,) = self.result.predictions[MODEL]
        return [Item(row, made) for row, made in zip(self.result.items.rows, predictions, strict=True)]

    @cached_property
    def skills(self) -> list[Skill]:
        """The figures of every task."""
        return diagnose(self.items)

    @cached_property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on every task."""
        return {skill.task: judge(skill) for skill in self.skills}

    @property
    def headline(self) -> list[str]:
        """What all verdicts say together."""
        return headline(list(self.verdicts.values()), {name: task.sees for name, task in tasks().items()})

    @property
    def notes(self) -> dict[str, list[str]]:
        """Further findings on every task, in words."""
        return {task: [*each.failures, *each.habits, *self.drawn[task].trends] for task, each in self.verdicts.items()}

    @cached_property
    def drawn(self) -> dict[str, Drawn]:
        """What is drawn of every task."""
        measured = measure(self.items)
        return {
            task: self._draw(task, [each for each in measured if each[0].row["task"] == task]) for task in self.verdicts
        }

    def _draw(self, task: str, measured: Sequence[tuple[Item, Traits]]) -> Drawn:
        found = axes(measured)
        return Drawn(found, trends(found), image_map(measured), confusion(self.result, task)[0])


def write_pages(diagnosis: Diagnosis, out: Path) -> None:
    """Write `diagnosis.json`, which holds every figure, and `diagnosis.html`, which needs nothing but itself."""
    write_json(out / "diagnosis.json", _figures(diagnosis))
    html = render_page(
        "diagnosis.html.jinja",
        diagnosis=diagnosis,
        misses=misses(diagnosis.result.items, diagnosis.items),
        colors=colors(skill.task for skill in diagnosis.skills),
        axis_chart=axis_chart,
        accuracy_map=accuracy_map,
        vote_map=vote_map,
    )
    write_page(out / "diagnosis.html", html)


def _figures(diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "model": diagnosis.name,
        "data": str(diagnosis.result.items.path),
        "content_hash": diagnosis.content_hash,
        "command": diagnosis.command,
        "headline": diagnosis.headline,
        "skills": [
            _plain(skill)
            | {"verdict": _plain(diagnosis.verdicts[skill.task])}
            | {name: _plain(getattr(diagnosis.drawn[skill.task], name)) for name in ("axes", "trends", "map")}
            for skill in diagnosis.skills
        ],
    }


def _plain(value: Any) -> Any:
    """Return dataclasses as what JSON knows; a share with its value and both intervals."""
    if is_dataclass(value):
        found = {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
        if isinstance(value, Share):
            found |= {"value": value.value, "interval_95": value.interval, "interval_999": (value.low, value.high)}
        return found
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def print_diagnosis(diagnosis: Diagnosis) -> None:
    """Print the verdict on every skill, the figures behind it, and the findings beside it."""
    table = Table(
        title=escape(f"{diagnosis.name}: what it sees"),
        box=SIMPLE_HEAD,
        caption="In %, with 99.9% intervals. Follows: how often the answer changes where only the image does.",
    )
    table.add_column("Skill, verdict; by template", no_wrap=True)
    for column in ("Chance", "Right", "99.9%", "Unread", "Follows"):
        table.add_column(column, justify="right", no_wrap=column == "99.9%")
    for skill in diagnosis.skills:
        verdict, several = diagnosis.verdicts[skill.task], len(skill.wordings) > 1
        name = bold(f"{skill.task}\n  {verdict.kind}")
        if several:
            table.add_row(name, percent(skill.chance), *_span(skill.right))
        for wording in skill.wordings:
            table.add_row(
                f"  {wording.template}: {verdict.outcomes[wording.template]}" if several else name,
                percent(wording.chance),
                *_span(wording.right),
                percent(wording.silent.value),
                percent(wording.pairs.changed.value) if wording.pairs and wording.pairs.changed.total else "",
            )
        table.add_section()
    console.print(table)
    for task, notes in diagnosis.notes.items():
        for note in notes:
            console.print(escape(f"{task}, {note}"), soft_wrap=True, highlight=False)
    for line in diagnosis.headline:
        console.print(escape(line), style="bold", soft_wrap=True, highlight=False)


def _span(share: Share) -> tuple[str, str]:
    return percent(share.value), f"{percent(share.low)}–{percent(share.high)}"
