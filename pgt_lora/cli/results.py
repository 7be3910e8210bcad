"""The commands for what was found: tables, figures, references, and the list of runs."""

import sys
from pathlib import Path
from typing import Annotated

import typer

Runs = Annotated[list[Path], typer.Argument(help="Run, comparison or benchmark directories.")]


def table(
    runs: Runs,
    form: Annotated[str, typer.Option("--format", help="latex, markdown or csv.")] = "markdown",
    out: Annotated[Path | None, typer.Option(help="The file to write. Default: the terminal.")] = None,
) -> None:
    """Print runs as a table for a paper: seeds in one row, significant gains in bold, the paper's rows."""
    from pgt_lora.core.errors import chosen
    from pgt_lora.core.files import write_text
    from pgt_lora.studies.tables.export import all_tables
    from pgt_lora.studies.tables.formats import Format, written

    kind = chosen("--format", form, Format)
    text = written(all_tables(runs), kind, ["pgt-lora", "table", *map(str, runs), "--format", form])
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_text(out, text)
    else:
        sys.stdout.write(text)


def figure(runs: Runs, out: Annotated[Path, typer.Option("--out", help="The .pdf or .svg file to write.")]) -> None:
    """Draw runs as a figure for a paper, 170 mm wide: accuracy with 95% intervals, chance, the paper's rows."""
    from pgt_lora.studies.tables.export import all_tables
    from pgt_lora.studies.tables.figure import write_figure

    write_figure(all_tables(runs), out)


def cite(runs: Runs) -> None:
    """Print BibTeX for what runs used: the paper, libraries, base models, data and benchmarks."""
    from pgt_lora.studies.tables.citations import bibtex

    sys.stdout.write(bibtex(runs))


def runs(
    directory: Annotated[Path | None, typer.Argument(help="Default: runs")] = None,
) -> None:
    """List runs: model, data, progress, scores, and whether the merged model is verified."""
    from pgt_lora.core.errors import InputError
    from pgt_lora.core.workspace import run_directory
    from pgt_lora.studies.tables.listing import entries, print_entries

    directory = directory or run_directory("")
    if not directory.is_dir():
        raise InputError(f"{directory}: no such directory; runs are made in it by pgt-lora run")
    print_entries(directory, entries(directory))
