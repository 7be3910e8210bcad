"""A figure of fixed size for a paper: the accuracy of every arm with its interval, drawn as on the pages."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any
from xml.etree import ElementTree

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import write_text
from pgt_lora.core.html.charts import PALETTE, Mark, Series, plot
from pgt_lora.core.html.svg import FONT, INK
from pgt_lora.studies.tables.formats import label
from pgt_lora.studies.tables.table import Cell, Table

WIDTH_MM, HEIGHT_MM = 170.0, 62.0  # of the page's text, and of one evaluation set
POINTS, POINTS_PER_MM = 7, 72 / 25.4  # of the letters
WIDTH, HEIGHT = (size * POINTS_PER_MM * FONT / POINTS for size in (WIDTH_MM, HEIGHT_MM))  # in a chart's own units
HEADING = 18
FORMATS = (".pdf", ".svg")
LETTERS = 85  # that fit under the axis, beside each other
PERCENT = tuple((share / 100, str(share)) for share in range(0, 101, 20))


def write_figure(tables: Sequence[Table], out: Path) -> None:
    """Draw tables into an SVG or PDF file, the same bytes each time.

    Raises:
        InputError: the file is neither, or it is a PDF and matplotlib is not installed.
    """
    if out.suffix not in FORMATS:
        raise InputError(f"{out}: name a file that ends in {' or '.join(FORMATS)}")
    size = {"width": f"{WIDTH_MM}mm", "height": f"{HEIGHT_MM * len(tables)}mm"}
    root = ElementTree.Element(
        "svg", size, xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH:.1f} {HEIGHT * len(tables):.1f}",
        color="black", **{"font-family": "DejaVu Sans, sans-serif"},
    )  # fmt: skip
    for place, table in enumerate(tables):
        top = {"transform": f"translate(0 {place * HEIGHT + HEADING:.1f})"}
        ElementTree.SubElement(root, "g", top).extend(ElementTree.fromstring(draw(table)))
        at = {"x": f"{WIDTH / 2:.1f}", "y": f"{place * HEIGHT + FONT + 2:.1f}", "font-size": str(FONT + 1)}
        heading = ElementTree.SubElement(root, "text", at | {"text-anchor": "middle", "fill": INK})
        heading.text = f"{table.title}: accuracy in percent"
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".svg":
        write_text(out, ElementTree.tostring(root, encoding="unicode"))
    else:
        write_pdf(root, out)


def draw(table: Table) -> str:
    """Return one table as a chart: a group of bars for each column, with intervals and a line at chance."""
    rows = [(block.model, row) for block in table.blocks for row in block.rows]
    several, columns = len(table.blocks) > 1, len(table.columns)
    wide = 0.8 / len(rows)
    series = []
    for place, (model, row) in enumerate(rows):
        first = 0.1 + wide * (place + 0.5)
        marks = [
            Mark((column + first) / columns, cell.value, None if row.is_paper else interval(cell))
            for column, cell in enumerate(row.cells)
            if cell
        ]
        name = f"{model}, {label(row)}" if several else label(row)
        series.append(Series(marks, PALETTE[place % len(PALETTE)], name, is_faint=row.is_paper, bar=wide / columns))
    x_labels = [((column + 0.5) / columns, text) for column, text in enumerate(labels(table))]
    chances = [((at + 0.05) / columns, (at + 0.95) / columns, chance) for at, chance in enumerate(table.chances)]
    return plot(table.title, series, x_labels, PERCENT, chances, (WIDTH, HEIGHT - HEADING))


def interval(cell: Cell) -> tuple[float, float] | None:
    """Return the interval of a score, where it has one."""
    return None if cell.low is None or cell.high is None else (cell.low, cell.high)


def write_pdf(root: ElementTree.Element, out: Path) -> None:
    """Write what was drawn, which are bars, lines and text, as a PDF of the same size with its letters embedded."""
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
        from matplotlib.patches import Rectangle
    except ImportError as error:
        raise InputError("figure: a PDF needs matplotlib; pip install 'pgt-lora[figures]', or name a .svg") from error
    settings: Any = {"pdf.fonttype": 42, "font.family": "DejaVu Sans"}
    with rc_context(settings):
        width, height = (float(each) for each in root.attrib["viewBox"].split()[2:])
        figure = Figure(figsize=(width * POINTS / FONT / 72, height * POINTS / FONT / 72))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.set_axis_off()
        for parent in [root, *root.iterfind("g")]:
            top = float(parent.get("transform", "(0 0)").split()[1].rstrip(")"))
            for element in parent.iterfind("*"):
                _draw_in(axes, element, top, Rectangle)
        partial = out.with_name(f".{out.name}.partial")
        figure.savefig(partial, format="pdf", metadata={"CreationDate": None})
        partial.replace(out)


def _draw_in(axes: Any, element: ElementTree.Element, top: float, rectangle: Any) -> None:
    at = element.attrib
    x, y, x1, x2, y1, y2, width, height = (
        float(at.get(name, 0)) for name in ("x", "y", "x1", "x2", "y1", "y2", "width", "height")
    )
    color = at.get("fill", at.get("stroke", "")).replace(INK, "black")
    alpha = float(at.get("opacity", 1))
    if element.tag == "rect":
        axes.add_patch(rectangle((x, top + y), width, height, color=color, alpha=alpha, linewidth=0))
    elif element.tag == "line":
        scale = POINTS / FONT
        dash = [scale * float(each) for each in at.get("stroke-dasharray", "").split()]
        axes.plot(
            (x1, x2), (top + y1, top + y2), color=color, alpha=alpha, linewidth=scale * float(at["stroke-width"]),
            linestyle=(0, dash) if dash else "-",
        )  # fmt: skip
    elif element.tag == "text":
        anchor = {"middle": "center", "end": "right"}.get(at["text-anchor"], "left")
        size = POINTS / FONT * float(at["font-size"])
        axes.text(x, top + y, element.text, ha=anchor, va="baseline", size=size, alpha=alpha)


def labels(table: Table) -> list[str]:
    """Return the columns' names, broken where they would meet, each with its number of items, where known."""
    names = [fill(name, max(6, LETTERS // len(table.columns))) for name in table.columns]
    return [f"{name}\nn = {count}" for name, count in zip(names, table.counts, strict=True)] if table.counts else names
