"""The end of a comparison: a table on the terminal, `report.html`, `report.md`, and all figures in `results.json`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from pgt_lora.core.files import write_json
from pgt_lora.core.html import percent, points, render_page, write_page
from pgt_lora.core.html.charts import colors, logged
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.terminal import bold, console
from pgt_lora.evaluation.headline import RULES, headline
from pgt_lora.evaluation.paired import BASE, Contrast, Difference, Result
from pgt_lora.evaluation.paper import BENCHMARKS, GROUPS, TABLE_2, Published
from pgt_lora.studies.compare.caveat import caveat, num_seeds
from pgt_lora.studies.compare.charts import area_maps, won_and_lost
from pgt_lora.studies.compare.directory import RESULTS
from pgt_lora.studies.compare.overview import Overview, columns_of
from pgt_lora.studies.compare.probes import ProbedSet, panels
from pgt_lora.studies.diagnose.charts import accuracy_map, vote_map
from pgt_lora.studies.diagnose.confusion import confusion
from pgt_lora.studies.diagnose.layers.report import print_layers, write_layers


@dataclass(frozen=True)
class Page:
    """All that a comparison found.

    `runs` are as `runs.describe` says; `shared_images` counts, by arm, the items with an image trained on.
    """

    recipe: Recipe
    arms: Sequence[str]
    seeds: Sequence[int]
    results: Sequence[Result]
    contrasts: Sequence[Contrast]
    runs: Sequence[Mapping[str, Any]]
    shared_images: Mapping[str, int]
    command: str
    overview: Overview | None = None  # of a preset
    probed: Sequence[ProbedSet] = ()  # of a preset that says so, when they were

    @property
    def paper(self) -> Published | None:
        """What the paper reports of this model, where it is one of the paper's."""
        return TABLE_2.get(self.recipe.base)

    @property
    def caveat(self) -> str:
        """What the intervals hold and what they leave out, and which scores are flattered."""
        return caveat(self.results, self.runs)

    @property
    def num_seeds(self) -> int:
        """The most seeds of which an arm's answers are."""
        return num_seeds(self.results)

    @property
    def trained(self) -> list[Mapping[str, Any]]:
        """The runs that the comparison trained, and not only scored."""
        return [run for run in self.runs if "training" in run]

    @property
    def is_of_one_budget(self) -> bool:
        """Whether all arms but the base took equally many steps, as far as is known."""
        steps = {run["training"]["steps"] for run in self.trained}
        return len(steps) == 1 and not any(run.get("adapter") for run in self.runs)

    @property
    def ablations(self) -> list[Contrast]:
        """In a preset without permuted twins, the differences of arms from the first one that was trained."""
        if self.overview is None or self.overview.gains:
            return []
        reference = next(arm for arm in self.arms if arm != BASE)
        return [each for each in self.contrasts if each.reference == reference]

    @property
    def headlines(self) -> list[str]:
        """Every arm against the first, a sentence each."""
        first, found = self.arms[0], []
        for arm in self.arms[1:]:
            against = [each for each in self.contrasts if (each.arm, each.reference) == (arm, first)]
            found.append(headline(f"{arm} against {first}:", arm, self.results, against))
        return found

    @property
    def scores(self) -> list[list[tuple[str, Result, int]]]:
        """The rows of the table of scores, task by task: the task, and a set with the column that it is there."""
        return [
            [(task, each, each.items.columns.index(task)) for each in self.results if task in each.items.columns]
            for task in columns_of(self.results)
        ]

    def difference(self, title: str, arm: str, column: int) -> Difference | None:
        """Return an arm's difference from the first arm; None for the first arm itself."""
        for each in self.contrasts:
            if (each.title, each.arm, each.reference) == (title, arm, self.arms[0]):
                return each.rows[column]
        return None


def write_pages(page: Page, out: Path) -> None:
    """Write `results.json`, which needs no image, then `report.html` and `report.md`."""
    write_json(out / RESULTS, _figures(page))
    examples = [
        (contrast, won_and_lost(result, contrast.arm, contrast.reference))
        for contrast in page.contrasts
        for result in page.results
        if result.items.title == contrast.title
        and (contrast.is_of_skill or not page.overview or contrast in page.ablations)
    ]
    maps = {result.items.title: drawn for result in page.results if (drawn := area_maps(result))}
    color_of = colors(page.arms)
    for each in page.probed:
        (out / each.directory).mkdir(parents=True, exist_ok=True)
        name = f"{page.recipe.name}, {each.about}"
        write_layers(each.probes, out / each.directory, name, page.command, color_of)
    context = {
        "maps": maps,
        "page": page,
        "rules": RULES,
        "groups": [name for name, span in GROUPS for _ in range(span)],
        "benchmarks": BENCHMARKS,
        "colors": color_of,
        "charts": logged(page.runs, color_of),
        "panels": {each.name: panels(each.probes, color_of) for each in page.probed},
        "accuracy_map": accuracy_map,
        "vote_map": vote_map,
        "matrices": {
            (result.items.title, task): confusion(result, task)
            for result in page.results
            for task in result.items.tasks
        },
        "examples": examples,
    }
    write_page(out / "report.html", render_page("compare.html.jinja", **context))
    write_page(out / "report.md", render_page("compare.md.jinja", **context))


def _figures(page: Page) -> dict[str, Any]:
    scores = [
        {"set": result.items.title, "arm": arm, "task": column} | asdict(score)
        for result in page.results
        for arm in page.arms
        for column, score in zip(result.items.columns, result.scores[arm], strict=True)
    ]
    differences = [
        {"set": each.title, "arm": each.arm, "reference": each.reference} | asdict(row) | {"found": row.found}
        for each in page.contrasts
        for row in each.rows
    ]
    figures = {
        "command": page.command,
        "scores": scores,
        "differences": differences,
        "shared_images": page.shared_images,
        "runs": page.runs,
    }
    figures |= {"overview": page.overview.figures()} if page.overview else {}
    return figures | ({"probes": [each.facts() for each in page.probed]} if page.probed else {})


def print_results(page: Page) -> None:
    """Print the accuracy of every arm on every task, with its difference from the first arm; the pages hold more."""
    for result in page.results:
        items = result.items
        caption = f"Accuracy in %, and points over {page.arms[0]}. Unread: outputs that state no answer, or several."
        table = Table(title=items.title, caption=caption)
        table.add_column("Task", no_wrap=True)
        for column in ("Items", "Chance", *page.arms):
            table.add_column(column, justify="right", overflow="fold")
        for index, name in enumerate(items.columns):
            cells = [_cell(page, result, arm, index) for arm in page.arms]
            table.add_row(name, str(items.counts[index]), percent(items.chances[index]), *cells)
            unread = [percent(result.scores[arm][index].unread) for arm in page.arms]
            table.add_row("  unread", "", "", *unread, style="dim")
            if index == len(items.tasks) - 1:
                table.add_section()
        console.print(table)
    console.print(
        "†: not above chance. Bold: differs by more than noise (5%, Holm's correction over the tasks), and at least "
        f"one of the two is above chance. {page.caveat}",
        soft_wrap=True,
    )


def print_probes(page: Page) -> None:
    """Print where the answers stand, set by set."""
    for each in page.probed:
        console.print(each.about, style="bold", soft_wrap=True)
        print_layers(each.probes)


def _cell(page: Page, result: Result, arm: str, column: int) -> str | Text:
    score = result.scores[arm][column]
    value = percent(score.value) + ("" if score.above_chance else "†")
    found = page.difference(result.items.title, arm, column)
    if found is None:
        return value
    text = f"{value}\n{points(found.value)}"
    return bold(text) if found.found else text
