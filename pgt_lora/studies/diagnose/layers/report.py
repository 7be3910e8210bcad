"""Layer-wise probes as a chart, a page, a file of figures and a table on the terminal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from pgt_lora.core.files import read_json, write_json
from pgt_lora.core.html import percent, render_page, write_page
from pgt_lora.core.html.charts import Mark, Series, colors, plot
from pgt_lora.core.terminal import console
from pgt_lora.studies.diagnose.layers.layers import Figure, LayerProbes
from pgt_lora.studies.diagnose.layers.problems import Split
from pgt_lora.studies.diagnose.layers.sites import Site
from pgt_lora.studies.diagnose.layers.standing import verdicts
from pgt_lora.studies.diagnose.shares import Share

FILE, PAGE = "layers.json", "layers.html"
SAYS = "says"  # where the model's own answers stand, behind the layers
SHARES = ("right", "shuffled", "swapped", "elsewhere")  # of a figure
TITLES = {
    Site.QUESTION: "at the last token of the question",
    Site.ANSWER: "where the answer begins",
    Site.IMAGE: "over the image's tokens",
    Site.OBJECTS: "at the objects' tokens",
}


def layer_chart(
    probes: LayerProbes, task: str, template: str, site: Site, split: Split = Split.IMAGE,
    color_of: Mapping[str, str] | None = None,
) -> Markup:  # fmt: skip
    """Return the chart of one site as an SVG element: the probe's accuracy by layer, a line for each model.

    `color_of` are the models' colors, if they have some already.
    """
    shown = [
        each for each in probes.figures
        if (each.task, each.template, each.site, each.split) == (task, template, site, split)
    ]  # fmt: skip
    points = list(dict.fromkeys(each.point for each in shown))
    at = {point: (place + 0.5) / (len(points) + 1) for place, point in enumerate([*points, SAYS])}
    series: list[Series] = []
    color_of = color_of or colors(probes.models)
    for index, model in enumerate(probes.models):
        color = color_of[model]
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


def write_layers(
    probes: LayerProbes, out: Path, name: str, command: str, color_of: Mapping[str, str] | None = None
) -> None:
    """Write `layers.json`, which holds every figure and verdict, and `layers.html`, a page that opens from disk."""
    write_json(out / FILE, figures_of(probes) | {"command": command})
    color_of = color_of or colors(probes.models)
    wanted = dict.fromkeys((each.task, each.template) for each in probes.figures)
    groups = [
        {"title": f"{task}, template {template}", "charts": _charts(probes, task, template, color_of)}
        for task, template in wanted
    ]
    html = render_page(
        "layers.html.jinja", name=name, probes=probes, verdicts=verdicts(probes), groups=groups, command=command,
        colors=color_of,
    )  # fmt: skip
    write_page(out / PAGE, html)


def _charts(probes: LayerProbes, task: str, template: str, color_of: Mapping[str, str]) -> list[dict[str, Any]]:
    shown = dict.fromkeys(
        (each.site, each.split) for each in probes.figures if (each.task, each.template) == (task, template)
    )
    several = len({split for _, split in shown}) > 1
    return [
        {
            "title": TITLES[site] + (f", folds by {split.value}" if several else ""),
            "svg": layer_chart(probes, task, template, site, split, color_of),
        }
        for site, split in shown
    ]


def figures_of(probes: LayerProbes) -> dict[str, Any]:
    """Return all figures and verdicts as what JSON knows."""
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
            {name: value for name, value in vars(each).items() if name not in SHARES}
            | {name: _share(share) for name in SHARES if (share := getattr(each, name)) is not None}
            | {"stands": each.stands}
            for each in probes.figures
        ],
    }


def _share(share: Share) -> dict[str, Any]:
    return {
        "hits": share.hits, "total": share.total, "value": share.value, "interval_95": share.interval,
        "interval_999": (share.low, share.high),
    }  # fmt: skip


def read_layers(path: Path) -> LayerProbes:
    """Return what `figures_of` was written of into a JSON file."""
    told = read_json(path)
    own = {(each["model"], each["task"], each["template"]): _read_share(each) for each in told["own"]}
    figures = [
        Figure(
            each["model"], each["task"], each["template"], Site(each["site"]), each["point"], Split(each["split"]),
            each["chance"], **{name: _read_share(each[name]) for name in SHARES if name in each},
        )
        for each in told["figures"]
    ]  # fmt: skip
    return LayerProbes(told["data"], tuple(told["models"]), tuple(figures), own, tuple(told["left_out"]))


def _read_share(told: Mapping[str, Any]) -> Share:
    return Share(told["hits"], told["total"])


def joined(probes: Sequence[LayerProbes]) -> LayerProbes:
    """Return as one what was found of several models on the same rows."""
    return LayerProbes(
        probes[0].data,
        tuple(model for each in probes for model in each.models),
        tuple(figure for each in probes for figure in each.figures),
        {key: share for each in probes for key, share in each.own.items()},
        tuple(dict.fromkeys(line for each in probes for line in each.left_out)),
    )


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
