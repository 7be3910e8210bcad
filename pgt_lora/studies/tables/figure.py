"""A figure of fixed size for a paper: the accuracy of every arm with its interval, on one scale."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.studies.tables.formats import label
from pgt_lora.studies.tables.table import Cell, Row, Table

WIDTH_MM, HEIGHT_MM = 170.0, 62.0  # of the page's text, and of one evaluation set
MM_PER_INCH = 25.4
FORMATS = (".pdf", ".svg")
LETTERS = 100  # that fit under the axis, beside each other
# Told apart by readers who see fewer colors, too (Okabe and Ito 2008).
COLORS = ("#999999", "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")


def write_figure(tables: Sequence[Table], out: Path) -> None:
    """Draw tables into an SVG or PDF file, the same bytes each time.

    Raises:
        InputError: the file is neither, or matplotlib is not installed.
    """
    if out.suffix not in FORMATS:
        raise InputError(f"{out}: name a file that ends in {' or '.join(FORMATS)}")
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("figure: needs matplotlib; pip install 'pgt-lora[figures]'") from error
    settings: Any = {"font.size": 7, "pdf.fonttype": 42, "svg.hashsalt": "pgt-lora", "font.family": "DejaVu Sans"}
    with rc_context(settings):
        size = WIDTH_MM / MM_PER_INCH, HEIGHT_MM * len(tables) / MM_PER_INCH
        figure = Figure(figsize=size, layout="constrained")
        for table, axes in zip(tables, figure.subplots(len(tables), squeeze=False)[:, 0], strict=True):
            draw(table, axes)
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = out.with_name(f".{out.name}.partial")
        dated = "CreationDate" if out.suffix == ".pdf" else "Date"
        figure.savefig(partial, format=out.suffix[1:], metadata={dated: None})
        partial.replace(out)


def draw(table: Table, axes: Any) -> None:
    """Draw one table: a group of bars for each column, from 0 to 100 percent, with intervals and ticks at chance."""
    rows = [(block.model, row) for block in table.blocks for row in block.rows]
    several, width = len(table.blocks) > 1, 0.8 / len(rows)
    for index, (model, row) in enumerate(rows):
        at = [column - 0.4 + width * (index + 0.5) for column in range(len(table.columns))]
        values = [100 * cell.value if cell else float("nan") for cell in row.cells]
        axes.bar(
            at, values, width, yerr=errors(row), color=COLORS[index % len(COLORS)],
            label=f"{model}, {label(row)}" if several else label(row),
            hatch="////" if row.is_paper else None, edgecolor="white" if row.is_paper else None,
            error_kw={"elinewidth": 0.7, "capsize": 1.5},
        )  # fmt: skip
    for column, chance in enumerate(table.chances):
        axes.hlines(100 * chance, column - 0.42, column + 0.42, colors="black", linestyles=":", linewidth=0.7)
    axes.set(ylim=(0, 100), ylabel="accuracy (%)", title=table.title, xlim=(-0.55, len(table.columns) - 0.45))
    axes.set_xticks(range(len(table.columns)), labels(table))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def errors(row: Row) -> list[list[float]] | None:
    """Return how far each interval reaches below and above its score; None where there are none, as of the paper."""

    def reach(cell: Cell | None) -> tuple[float, float]:
        if cell is None or cell.low is None or cell.high is None:
            return 0.0, 0.0
        return 100 * (cell.value - cell.low), 100 * (cell.high - cell.value)

    found = [reach(cell) for cell in row.cells]
    return None if row.is_paper else [list(each) for each in zip(*found, strict=True)]


def labels(table: Table) -> list[str]:
    """Return the columns' names, broken where they would meet, each with its number of items, where known."""
    names = [fill(name, max(6, LETTERS // len(table.columns))) for name in table.columns]
    return [f"{name}\nn = {count}" for name, count in zip(names, table.counts, strict=True)] if table.counts else names
