"""The command that brings a user's own data in."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from pgt_lora.cli.options import Out, Overwrite
from pgt_lora.core.pairs import parse_pairs


def import_data(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SRC",
            help="A file (JSON, JSON lines, CSV, parquet), a folder of images with metadata.csv or .jsonl, what "
            "save_to_disk wrote, or a Hub id (owner/name).",
        ),
    ],
    out: Out,
    columns: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="question=q,answer=a,image=img: which column is which, where their names do not say it."),
    ] = None,
    image_root: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Where images lie whose paths do not lead on from the file of rows."),
    ] = None,
    test: Annotated[float, typer.Option(help="Share of the rows held out, by image, into OUT-test.")] = 0.0,
    split_column: Annotated[Optional[str], typer.Option(help="The column that says train or test, instead.")] = None,  # noqa: UP045
    split: Annotated[Optional[str], typer.Option(help="Which split of several. Default: train")] = None,  # noqa: UP045
    revision: Annotated[Optional[str], typer.Option(help="Of a dataset on the Hub.")] = None,  # noqa: UP045
    on_error: Annotated[str, typer.Option(help="stop or skip, where a row cannot be read; skip lists them.")] = "stop",
    overwrite: Overwrite = False,
) -> None:
    """Bring your own data in: LLaVA, ShareGPT, messages, TRL or question-answer rows become a dataset directory."""
    from pgt_lora.core.terminal import console
    from pgt_lora.data.readers.build import ImportSettings, OnError
    from pgt_lora.data.readers.build import import_data as build

    settings = ImportSettings(
        split, revision, parse_pairs("--columns", columns), image_root, test, split_column, OnError.named(on_error)
    )
    for place in build(source, out, settings, overwrite):
        console.print(f"{place} is made; look at it with: pgt-lora preview {place}", soft_wrap=True)
