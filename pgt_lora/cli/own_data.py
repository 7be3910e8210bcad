"""The command that brings a user's own data in, and what --data names."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from pgt_lora.cli.data import parse_pairs, parse_shares
from pgt_lora.cli.options import Out, Overwrite
from pgt_lora.core.errors import InputError

if TYPE_CHECKING:
    from pgt_lora.core.recipe import Recipe

MADE = ("pgt", "specialized-mix")  # what the kit makes itself, as a recipe says


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
    from pgt_lora.data.readers.build import Asked, OnError
    from pgt_lora.data.readers.build import import_data as build

    asked = Asked(
        split, revision, parse_pairs("--columns", columns), image_root, test, split_column, OnError.named(on_error)
    )
    for place in build(source, out, asked, overwrite):
        console.print(f"{place} is made; look at it with: pgt-lora preview {place}", soft_wrap=True)


def dataset(name: str, recipe: "Recipe | None" = None, split: str = "train") -> Path:
    """Return the dataset directory that --data names, imported or made where it is none yet.

    With a recipe, `pgt`, `specialized-mix` and shares such as `pgt=0.9,DIR=0.1` are made as the recipe says.

    Raises:
        InputError: there is no such data, or it cannot be read.
    """
    from pgt_lora.data.readers.named import as_directory

    if recipe and "=" in name and not Path(name).exists():
        return shared(name, recipe)
    if recipe is None or name not in MADE:
        return as_directory(name)
    if name == "pgt":
        from pgt_lora.data.pgt import pgt_data

        return pgt_data(recipe, split, recipe.kit.num_samples if split == "train" else recipe.kit.num_test_samples)
    if split != "train":
        raise InputError(f"{name}: nothing of it is held out; evaluate on another dataset")
    from pgt_lora.studies.compare.arms import specialized_mix

    return specialized_mix(recipe, recipe.kit.num_samples)


def shared(shares: str, recipe: "Recipe") -> Path:
    """Return the mixture that `pgt=0.9,DIR=0.1` names, with as many rows as the first of them has.

    Where the first is a source of annotations, there are as many as the recipe's `num_samples`.
    """
    from pgt_lora.data.mix.build import sources
    from pgt_lora.data.mix.mixture import mixture
    from pgt_lora.data.pgt import pgt_settings

    weights = parse_shares("--data", shares)
    names = {name: name if name in sources() else str(dataset(name, recipe)) for name in weights}
    num_samples = recipe.kit.num_samples if next(iter(weights)) in sources() else None
    by_path = {names[name]: weight for name, weight in weights.items()}
    if len(by_path) < len(weights):
        raise InputError(f"--data {shares!r}: two names mean one dataset; give it one share")
    return mixture(by_path, num_samples, pgt_settings(recipe))


def held_out(names: Iterable[str] | None, recipe: "Recipe") -> list[Path]:
    """Return the dataset directories that --eval-data names."""
    return [dataset(name, recipe, "test") for name in names or ()]
