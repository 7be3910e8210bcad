"""The command that brings a user's own data in."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from pgt_lora.cli.options import Limit, Out, Overwrite
from pgt_lora.core.pairs import parse_pairs


def import_data(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SRC",
            help="A file (JSON, JSON lines, CSV, parquet), a folder of images with metadata.csv or .jsonl, what "
            "save_to_disk wrote, or a Hub id (owner/name, owner/name:config).",
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
    limit: Limit = None,
    mirror: Annotated[Optional[str], typer.Option(help="coco=URL,gqa=URL: other hosts of shared images.")] = None,  # noqa: UP045
    overwrite: Overwrite = False,
) -> None:
    """Bring your own data in: LLaVA, ShareGPT, messages, TRL or question-answer rows become a dataset directory."""
    from pgt_lora.core.errors import chosen
    from pgt_lora.core.terminal import console
    from pgt_lora.data.readers.build import ImportSettings, OnError
    from pgt_lora.data.readers.build import import_data as build

    settings = ImportSettings(
        split,
        revision,
        parse_pairs("--columns", columns),
        image_root,
        test,
        split_column,
        chosen("--on-error", on_error, OnError),
        limit=limit,
        mirrors=parse_pairs("--mirror", mirror),
    )  # fmt: skip
    for place in build(source, out, settings, overwrite):
        console.print(f"{place} is made; look at it with: pgt-lora preview {place}", soft_wrap=True)


def overlay(
    source: Annotated[
        str, typer.Argument(metavar="SRC", help="A dataset directory, what `import` reads, or a folder of photographs.")
    ],
    out: Out,
    proportion: Annotated[
        float, typer.Option(help="Share of the rows; a smaller one's are among a larger one's.")
    ] = 0.05,
    tasks_per_image: Annotated[int, typer.Option(help="Questions about one image, of distinct tasks: 1 to 3.")] = 1,
    separate: Annotated[
        bool, typer.Option("--separate", help="The original rows stay; overlays are rows of their own.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Which rows, and what is asked of each.")] = 0,
    render: Annotated[
        bool, typer.Option("--render", help="Write pixels. Without it, rows are drawn when read.")
    ] = False,
    model: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Whose sight decides what is large enough. Default: Qwen2.5-VL, InternVL3 and LLaVA-NeXT"),
    ] = None,
    limit: Limit = None,
    shards: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(help="Files, each made apart. Default: one for 1,000 rows, 1,024 at most"),
    ] = None,
    num_proc: Annotated[int, typer.Option(help="Processes that make shards.")] = 1,
    overwrite: Overwrite = False,
) -> None:
    """Draw PGT over the photographs of an instruction dataset, and ask one question more in each conversation."""
    from pgt_lora.core.terminal import console
    from pgt_lora.studies import by_name

    manifest = by_name.overlay(
        source, out, proportion=proportion, tasks_per_image=tasks_per_image, separate=separate, seed=seed,
        render=render, model=model, limit=limit, shards=shards, num_proc=num_proc, overwrite=overwrite,
    )  # fmt: skip
    for outcome, number in manifest["overlay"].items():
        console.print(f"  {outcome}: {number:,}", soft_wrap=True)
    console.print(
        f"{manifest['num_samples']:,} rows in {out}; look at them with: pgt-lora preview {out}", soft_wrap=True
    )
