"""The command that brings a user's own data in."""

from pathlib import Path
from typing import Annotated

import typer

from pgt_lora.cli.made import tell_made
from pgt_lora.cli.options import Limit, Out, Overwrite
from pgt_lora.core.pairs import parse_pairs


def import_data(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SRC",
            help="A file (JSON, JSON lines, CSV, parquet), a folder of images with metadata.csv or .jsonl, what "
            "save_to_disk wrote, a Hub id (owner/name, owner/name:config), or a clone of such a dataset.",
        ),
    ],
    out: Out,
    columns: Annotated[
        str | None, typer.Option(help="question=q,answer=a,image=img: map columns with other names.")
    ] = None,
    image_root: Annotated[
        Path | None, typer.Option(help="The folder of images whose paths are not relative to the file of rows.")
    ] = None,
    test: Annotated[float, typer.Option(help="Share of the rows to hold out, by image, in OUT-test.")] = 0.0,
    split_column: Annotated[
        str | None, typer.Option(help="Instead of --test: a column that says train or test.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="The split to read. Default: train")] = None,
    revision: Annotated[str | None, typer.Option(help="The revision of a dataset on the Hub.")] = None,
    on_error: Annotated[
        str, typer.Option(help="What to do with unreadable rows: stop, or skip (and list them).")
    ] = "stop",
    limit: Limit = None,
    mirror: Annotated[str | None, typer.Option(help="coco=URL,gqa=URL: other hosts of shared images.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Import your own data (LLaVA, ShareGPT, messages, TRL or question-answer rows) as a dataset directory."""
    from pgt_lora.core.errors import chosen
    from pgt_lora.data.directory import read_manifest
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
        tell_made(place, read_manifest(place)["num_samples"])


def overlay(
    source: Annotated[
        str, typer.Argument(metavar="SRC", help="A dataset directory, what `import` reads, or a folder of photographs.")
    ],
    out: Out,
    proportion: Annotated[
        float, typer.Option(help="Share of the rows to draw over; a smaller one is a subset of a larger one.")
    ] = 0.05,
    tasks_per_image: Annotated[int, typer.Option(help="Questions per image, from distinct tasks: 1 to 3.")] = 1,
    separate: Annotated[
        bool, typer.Option("--separate", help="Keep the original rows; add overlays as new rows.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Decides which rows, and what is asked of each.")] = 0,
    render: Annotated[
        bool, typer.Option("--render", help="Write pixels. By default, images are drawn when read.")
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(
            help="The model whose resolution sets the least sizes. Default: Qwen2.5-VL, InternVL3 and LLaVA-NeXT"
        ),
    ] = None,
    limit: Limit = None,
    shards: Annotated[
        int | None, typer.Option(help="Number of files. Default: one for 1,000 rows, at most 1,024")
    ] = None,
    num_proc: Annotated[int, typer.Option(help="Number of processes.")] = 1,
    overwrite: Overwrite = False,
) -> None:
    """Draw PGT over the photographs of an instruction dataset, and add one question to each chosen conversation."""
    from pgt_lora.core.terminal import console
    from pgt_lora.studies import by_name

    manifest = by_name.overlay(
        source, out, proportion=proportion, tasks_per_image=tasks_per_image, separate=separate, seed=seed,
        render=render, model=model, limit=limit, shards=shards, num_proc=num_proc, overwrite=overwrite,
    )  # fmt: skip
    for outcome, number in manifest["overlay"].items():
        console.print(f"  {outcome}: {number:,}", soft_wrap=True)
    tell_made(out, manifest["num_samples"])
