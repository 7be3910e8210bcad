"""Layer-wise probes as a chart, a page, a file of figures and a table on the terminal."""

from pathlib import Path
from typing import Any

from markupsafe import Markup
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from pgt_lora.core.files import write_json
from pgt_lora.core.html import percent, render_page, write_page
from pgt_lora.core.html.charts import Mark, Series, colors, plot
from pgt_lora.core.terminal import console
from pgt_lora.studies.diagnose.layers.layers import Figure, LayerProbes
from pgt_lora.studies.diagnose.layers.problems import Split
from pgt_lora.studies.diagnose.layers.sites import Site
from pgt_lora.studies.diagnose.layers.standing import verdicts
from pgt_lora.studies.diagnose.shares import Share

FILE, PAGE = "layers.json", "layers.html"
SAYS = "says"  # where the model\'s own answers stand, behind the layers
TITLES = {
    Site.QUESTION: "at the last token of the question",
    Site.ANSWER: "where the answer begins",
    Site.IMAGE: "over the image's tokens",
    Site.OBJECTS: "at the objects' tokens",
}


def layer_chart(probes: LayerProbes, task: str, template: str, site: Site, split: Split = Split.IMAGE) -> Markup:
    """Return the chart of one site as an SVG element: the probe's accuracy by layer, a line for each model."""
    shown = [
        each for each in probes.figures
        if (each.task, each.template, each.site, each.split) == (task, template, site, split)
    ]  # fmt: skip
    points = list(dict.fromkeys(each.point for each in shown))
    at = {point: (place + 0.5) / (len(points) + 1) for place, point in enumerate([*points, SAYS])}
    series: list[Series] = []
    for index, (model, color) in enumerate(colors(probes.models).items()):
        of_model = [each for each in shown if each.model == model]
        own = probes.own[model, task, template].value
        beside = at[SAYS] + (index / len(probes.models) - 0.25) / (len(points) + 1)  # equal marks lie side by side
        series += [
            Series([Mark(at[each.point], each.swapped.value) for each in of_model], color, is_faint=True),
            Series([_mark(each, at[each.point]) for each in of_model], color),
            Series([Mark(beside, own, words=f"{model}: its own answers, {percent(own)}%", radius=4)], color),
        ]
    title = f"Accuracy in percent: {task}, template {template}, {TITLES[site]}"
    return plot(title, series, [(x, point) for point, x in at.items()], chances=[(0, 1, shown[0].chance)])


def _mark(figure: Figure, x: float) -> Mark:
    words = (
        f"{figure.model}, {figure.point}: {figure.right.words}; shuffled answers {percent(figure.shuffled.value)}, "
        f"another image {percent(figure.swapped.value)}"
    )
    if figure.elsewhere:
        words += f", the same tokens there {percent(figure.elsewhere.value)}"
    return Mark(x, figure.right.value, figure.right.interval, words, 3.5 if figure.stands else 1.5)


def write_layers(probes: LayerProbes, out: Path, name: str, command: str) -> None:
    """Write `layers.json`, which holds every figure and verdict, and `layers.html`, a page that opens from disk."""
    write_json(out / FILE, figures_of(probes) | {"command": command})
    wanted = dict.fromkeys((each.task, each.template) for each in probes.figures)
    groups = [
        {"title": f"{task}, template {template}", "charts": _charts(probes, task, template)}
        for task, template in wanted
    ]
    html = render_page(
        "layers.html.jinja", name=name, probes=probes, verdicts=verdicts(probes), groups=groups, command=command,
        colors=colors(probes.models),
    )  # fmt: skip
    write_page(out / PAGE, html)


def _charts(probes: LayerProbes, task: str, template: str) -> list[dict[str, Any]]:
    shown = dict.fromkeys(
        (each.site, each.split) for each in probes.figures if (each.task, each.template) == (task, template)
    )
    several = len({split for _, split in shown}) > 1
    return [
        {
            "title": TITLES[site] + (f", folds by {split.value}" if several else ""),
            "svg": layer_chart(probes, task, template, site, split),
        }
        for site, split in shown
    ]


def figures_of(probes: LayerProbes) -> dict[str, Any]:
    """Return all figures and verdicts as what JSON knows."""
    names = ("right", "shuffled", "swapped", "elsewhere")
    return {
        "data": probes.data,
        "models": list(probes.models),
        "left_out": list(probes.left_out),
        "own": [
            {"model": model, "task": task, "template": template, **_share(share)}
            for (model, task, template), share in probes.own.items()
        ],
        "verdicts": [vars(each) for each in verdicts(probes)],
        "figures": [
            {name: value for name, value in vars(each).items() if name not in names}
            | {name: _share(share) for name in names if (share := getattr(each, name)) is not None}
            | {"stands": each.stands}
            for each in probes.figures
        ],
    }


def _share(share: Share) -> dict[str, Any]:
    return {
        "hits": share.hits, "total": share.total, "value": share.value, "interval_95": share.interval,
        "interval_999": (share.low, share.high),
    }  # fmt: skip


def print_layers(probes: LayerProbes) -> None:
    """Print, for every task, template and site, the probe's accuracy by layer and model, and the verdicts."""
    wanted = dict.fromkeys((each.task, each.template, each.site, each.split) for each in probes.figures)
    for task, template, site, split in wanted:
        shown = [
            each for each in probes.figures
            if (each.task, each.template, each.site, each.split) == (task, template, site, split)
        ]  # fmt: skip
        points = list(dict.fromkeys(each.point for each in shown))
        table = Table(
            title=escape(f"{task}, template {template}, {TITLES[site]} (chance {percent(shown[0].chance)}%)"),
            box=SIMPLE_HEAD,
            caption=f"In %; folds by {split.value}. *: above chance and above another image (99.9% intervals).",
        )
        table.add_column("Behind", no_wrap=True)
        for point in points:
            table.add_column(point, justify="right", no_wrap=True)
        for model in probes.models:
            of_model = [each for each in shown if each.model == model]
            table.add_row(escape(model), *(percent(each.right.value) + "*" * each.stands for each in of_model))
            table.add_row("  shuffled answers", *(percent(each.shuffled.value) for each in of_model))
            table.add_row("  another image", *(percent(each.swapped.value) for each in of_model))
            if site == Site.OBJECTS:
                table.add_row(
                    "  same tokens there",
                    *(percent(each.elsewhere.value) if each.elsewhere else "" for each in of_model),
                )
        console.print(table)
    for line in probes.left_out:
        console.print(line, soft_wrap=True, highlight=False)
    for each in verdicts(probes):
        line = f"{each.task}, template {each.template}, {each.model}: {each.standing.value}: {each.words}"
        console.print(line, soft_wrap=True, highlight=False, style="bold")
        for note in each.notes:
            console.print(f"  {note}", soft_wrap=True, highlight=False)
