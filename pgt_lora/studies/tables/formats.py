"""Tables as LaTeX with booktabs, as Markdown and as CSV."""

import csv
import io
import re
import shlex
from collections.abc import Iterable, Sequence
from enum import StrEnum

from pgt_lora.core.html import markdown, percent
from pgt_lora.studies.tables.table import Cell, Row, Table


class Format(StrEnum):
    """What a table is written as."""

    LATEX = "latex"
    MARKDOWN = "markdown"
    CSV = "csv"


CSV_COLUMNS = (
    "table", "model", "arm", "source", "seeds", "column", "items", "chance", "accuracy", "low", "high", "spread",
    "unread", "p", "differs",
)  # fmt: skip
TEX = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    **{each: f"\\{each}" for each in "&%$#_{}"},
}  # fmt: skip


def written(tables: Sequence[Table], form: Format, command: Sequence[str]) -> str:
    """Return tables as text; `command` is what makes them, for a comment."""
    if form == Format.CSV:
        return as_csv(tables)
    if form == Format.MARKDOWN:
        return "\n".join(as_markdown(each) for each in tables)
    made = f"% {shlex.join(command)}\n% \\usepackage{{booktabs}}\n"
    return made + "\n".join(as_latex(each) for each in tables)


def label(row: Row) -> str:
    """Return what a row is called; the paper's rows say so."""
    if row.is_paper:
        return f"{row.arm} (paper)"
    return f"{row.arm} ({row.num_seeds} seeds)" if row.num_seeds > 1 else row.arm


def caption(table: Table) -> str:
    """Return what a reader must know of a table's figures."""
    rows = [row for block in table.blocks for row in block.rows]
    text = f"{table.title}: accuracy in percent."
    if any(cell and cell.p is not None for row in rows for cell in row.cells):
        text += (
            " Bold: above the block's first row by more than noise, ↓: below it (5%, Holm's correction over all "
            "columns of an arm, paired by item), where at least one of the two is above chance."
        )
    if any(cell and cell.spread is not None for row in rows for cell in row.cells):
        text += " ±: standard deviation over the seeds."
    if any(row.is_paper for row in rows):
        text += " (paper): from the paper's table 2, its own training and evaluation."
    return text


def tex(text: str) -> str:
    """Return text as LaTeX prints it."""
    return re.sub(r"[\\~^&%$#_{}]", lambda found: TEX[found[0]], text)


def as_latex(table: Table) -> str:
    """Return a table as LaTeX, for the booktabs package."""

    def cell(each: Cell | None) -> str:
        if each is None:
            return "--"
        value = percent(each.value)
        value = rf"\textbf{{{value}}}" if each.differs > 0 else value
        value += r"$^{\downarrow}$" if each.differs < 0 else ""
        return value + (rf" $\pm$ {percent(each.spread)}" if each.spread is not None else "")

    width = len(table.columns) + 1
    about = tex(caption(table)).replace("±", r"$\pm$").replace("↓", r"$\downarrow$")
    lines = [
        r"\begin{table}", r"\centering", rf"\caption{{{about}}}", rf"\begin{{tabular}}{{l{'r' * (width - 1)}}}",
        r"\toprule", _latex_row("", map(tex, table.columns)), r"\midrule",
    ]  # fmt: skip
    if table.counts:
        lines.append(_latex_row("items", map(str, table.counts)))
        lines += [_latex_row("chance", map(percent, table.chances)), r"\midrule"]
    for index, block in enumerate(table.blocks):
        lines += [r"\midrule"] if index else []
        lines.append(rf"\multicolumn{{{width}}}{{l}}{{\emph{{{tex(block.model)}}}}} \\")
        lines += [_latex_row(tex(label(row)), map(cell, row.cells)) for row in block.rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _latex_row(first: str, others: Iterable[str]) -> str:
    return " & ".join([first, *others]) + r" \\"


def as_markdown(table: Table) -> str:
    """Return a table as Markdown."""

    def cell(each: Cell | None) -> str:
        if each is None:
            return ""
        value = f"**{percent(each.value)}**" if each.differs > 0 else percent(each.value)
        value += " ↓" if each.differs < 0 else ""
        return value + (f" ± {percent(each.spread)}" if each.spread is not None else "")

    def line(*cells: str) -> str:
        return f"| {' | '.join(cells)} |"

    lines = [markdown(caption(table)), "", line("model", "arm", *map(markdown, table.columns))]
    lines.append(f"|---|---|{'---:|' * len(table.columns)}")
    if table.counts:
        lines += [line("", "items", *map(str, table.counts)), line("", "chance", *map(percent, table.chances))]
    for block in table.blocks:
        for row in block.rows:
            lines.append(line(markdown(block.model), markdown(label(row)), *map(cell, row.cells)))
    return "\n".join([*lines, ""])


def as_csv(tables: Sequence[Table]) -> str:
    """Return tables as one CSV, a line for each score; shares, not percent."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for table in tables:
        for block in table.blocks:
            for row in block.rows:
                for at, (column, cell) in enumerate(zip(table.columns, row.cells, strict=True)):
                    if cell is None:
                        continue
                    source, seeds = ("paper", "") if row.is_paper else ("run", row.num_seeds)
                    items = str(table.counts[at]) if table.counts else ""
                    chance = f"{table.chances[at]:.6f}" if table.chances else ""
                    figures = (cell.value, cell.low, cell.high, cell.spread, cell.unread, cell.p)
                    told = ("" if each is None else f"{each:.6f}" for each in figures)
                    writer.writerow(
                        (table.title, block.model, row.arm, source, seeds, column, items, chance, *told,
                         cell.differs)
                    )  # fmt: skip
    return text.getvalue()
