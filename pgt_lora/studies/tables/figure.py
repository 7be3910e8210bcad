"""A figure of fixed size for a paper: the accuracy of every arm with its interval, drawn as on the pages."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any
from xml.etree import ElementTree

from markupsafe import Markup

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import write_text
from pgt_lora.core.html.charts import PALETTE, Mark, Series, plot
from pgt_lora.core.html.svg import FONT, INK, text_at
from pgt_lora.studies.tables.formats import label
from pgt_lora.studies.tables.table import Table

WIDTH_MM, HEIGHT_MM = 170.0, 62.0  # of the page's text, and of one evaluation set
POINTS = 7 / FONT  # of a chart's own unit: letters of 7 points
WIDTH, HEIGHT = (round(size / 25.4 * 72 / POINTS, 2) for size in (WIDTH_MM, HEIGHT_MM))  # in these units
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
    frame = '<svg y="{}" width="{}" height="{}">{}</svg>'
    drawn = Markup().join(
        Markup(frame).format(place * HEIGHT, WIDTH, HEIGHT, draw(table)) for place, table in enumerate(tables)
    )
    root = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="{}mm" height="{}mm" viewBox="0 0 {} {}" color="black" '
        'font-family="DejaVu Sans, sans-serif">{}</svg>'
    )
    sizes = WIDTH_MM, HEIGHT_MM * len(tables), WIDTH, HEIGHT * len(tables)
    out.parent.mkdir(parents=True, exist_ok=True)
    (write_text if out.suffix == ".svg" else write_pdf)(out, Markup(root).format(*sizes, drawn))


def draw(table: Table) -> Markup:
    """Return one table as a chart: a group of bars for each column, with intervals and a line at chance."""
    rows = [(block.model, row) for block in table.blocks for row in block.rows]
    several, columns = len(table.blocks) > 1, len(table.columns)
    wide = 0.8 / len(rows)
    series = []
    for place, (model, row) in enumerate(rows):
        marks = []
        for column, cell in enumerate(row.cells):
            if cell:
                known = not row.is_paper and cell.low is not None and cell.high is not None
                x = (column + 0.1 + wide * (place + 0.5)) / columns
                marks.append(Mark(x, cell.value, (cell.low or 0.0, cell.high or 0.0) if known else None))
        name = f"{model}, {label(row)}" if several else label(row)
        series.append(Series(marks, PALETTE[place % len(PALETTE)], name, is_faint=row.is_paper, bar=wide / columns))
    x_labels = [((column + 0.5) / columns, text) for column, text in enumerate(labels(table))]
    chances = [((at + 0.05) / columns, (at + 0.95) / columns, chance) for at, chance in enumerate(table.chances)]
    title = f"{table.title}: accuracy in percent"
    heading = text_at(WIDTH / 2, 14, title, "middle", FONT + 1)
    return heading + plot(title, series, x_labels, PERCENT, chances, (WIDTH, HEIGHT), top=24)


def write_pdf(out: Path, drawn: str) -> None:
    """Write what was drawn, which are bars, lines and text, as a PDF of the same size with its letters embedded."""
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("figure: a PDF needs matplotlib; pip install 'pgt-lora[figures]', or name a .svg") from error
    root = ElementTree.fromstring(drawn)
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    with rc_context({"pdf.fonttype": 42, "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(width * POINTS / 72, height * POINTS / 72))
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
        axes.set_axis_off()
        for frame in root:
            for element in frame.iter():
                _draw_in(axes, element.tag.rpartition("}")[2], element, float(frame.attrib["y"]))
        partial = out.with_name(f".{out.name}.partial")
        figure.savefig(partial, format="pdf", metadata={"CreationDate": None})
        partial.replace(out)


def _draw_in(axes: Any, name: str, element: ElementTree.Element, top: float) -> None:
    at = element.attrib
    color = at.get("fill", at.get("stroke", "")).replace(INK, "black")
    look = {"color": color, "alpha": float(at.get("opacity", 1)), "zorder": 1}  # one over the other in their order
    if name == "rect":
        x, y, width, height = (float(at[each]) for each in ("x", "y", "width", "height"))
        axes.fill((x, x, x + width, x + width), (top + y, top + y + height, top + y + height, top + y), lw=0, **look)
    elif name == "line":
        x1, y1, x2, y2, width = (float(at[each]) for each in ("x1", "y1", "x2", "y2", "stroke-width"))
        dash = [float(each) for each in at.get("stroke-dasharray", "").split()]
        axes.plot((x1, x2), (top + y1, top + y2), lw=width * POINTS, ls=(0, dash) if dash else "-", **look)
    elif name == "text":
        anchor = {"start": "left", "middle": "center", "end": "right"}[at["text-anchor"]]
        x, y, size = (float(at[each]) for each in ("x", "y", "font-size"))
        axes.text(x, top + y, element.text, ha=anchor, size=size * POINTS, **look)


def labels(table: Table) -> list[str]:
    """Return the columns' names, broken where they would meet, each with its number of items, where known."""
    names = [fill(name, max(6, LETTERS // len(table.columns))) for name in table.columns]
    return [f"{name}\nn = {count}" for name, count in zip(names, table.counts, strict=True)] if table.counts else names
