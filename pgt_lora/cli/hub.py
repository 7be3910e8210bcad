"""The commands for what leaves the project: to the Hub, and to other trainers."""

from pathlib import Path
from typing import Annotated, Optional

import typer


def push(
    run: Annotated[Path, typer.Argument(help="A finished run directory.")],
    repo: Annotated[str, typer.Argument(help="The model repository: owner/name.")],
    what: Annotated[
        str, typer.Option(help="merged, adapter, or both (the adapter in a folder of its own).")
    ] = "merged",
    public: Annotated[bool, typer.Option("--public", help="A new repository is public, not private.")] = False,
    branch: Annotated[Optional[str], typer.Option(help="A branch of the repository.")] = None,  # noqa: UP045
    create_pr: Annotated[bool, typer.Option("--create-pr", help="Open a pull request instead.")] = False,
    licence: Annotated[Optional[str], typer.Option(help="Where the base's card names none: apache-2.0, …")] = None,  # noqa: UP045
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the files and print the card only.")] = False,
) -> None:
    """Push a verified run to the Hub, with a card. Private unless --public; the token is the Hub's own login's."""
    from pgt_lora.core.terminal import console
    from pgt_lora.export.push import push as push_run

    address = push_run(
        run, repo, what=what, public=public, branch=branch, create_pr=create_pr, licence=licence, dry_run=dry_run
    )
    if address:
        console.print(f"Pushed: {address}", soft_wrap=True)


def export_dataset(
    data: Annotated[Path, typer.Argument(help="A dataset directory.")],
    out: Annotated[Path, typer.Option("--out", help="The directory to make.")],
    format: Annotated[str, typer.Option(help="sharegpt (LLaMA-Factory), ms-swift or llava.")] = "sharegpt",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
) -> None:
    """Write a dataset directory as another trainer reads it: a file of rows, and the images beside it."""
    from pgt_lora.export.other_trainers import export_dataset as export

    export(data, out, format, overwrite)


def export_recipe(
    recipe: Annotated[str, typer.Argument(help="A recipe, a run, a checkpoint directory or a Hub id.")],
    data: Annotated[Path, typer.Option(help="The dataset as exported with --format sharegpt.")],
    out: Annotated[Path, typer.Option("--out", help="The YAML file to make.")],
    format: Annotated[str, typer.Option(help="llama-factory.")] = "llama-factory",
    output_dir: Annotated[str, typer.Option(help="Where the other trainer is to write.")] = "saves/pgt",
) -> None:
    """Write a recipe as LLaMA-Factory reads it, to repeat the run there."""
    from pgt_lora.core.errors import InputError
    from pgt_lora.export.other_trainers import llama_factory_recipe
    from pgt_lora.models.names import resolve

    if format != "llama-factory":
        raise InputError(f"format {format!r}: unknown; known: llama-factory")
    if out.exists():
        raise InputError(f"{out}: exists; choose another --out")
    found = resolve(recipe, to_train=False).recipe
    out.write_text(llama_factory_recipe(found, str(data.resolve()), output_dir), encoding="utf-8")


def serve_check(
    run: Annotated[str, typer.Argument(help="A run that was scored.")],
    url: Annotated[str, typer.Option("--url", help="The server: http://localhost:8000")],
    name: Annotated[Optional[str], typer.Option(help="The model's name there. Default: the only one.")] = None,  # noqa: UP045
    server_settings: Annotated[
        bool, typer.Option("--server-settings", help="Let the server say how answers are generated.")
    ] = False,
    extra: Annotated[str, typer.Option(help="Further fields of a request, as JSON.")] = "{}",
    parallel: Annotated[int, typer.Option(min=1, help="Questions under way at once.")] = 1,
) -> None:
    """Ask a served model a run's held-out questions, and compare its answers and scores with the run's."""
    from pgt_lora.studies.by_name import serve_check as check

    if not check(run, url, name=name, server_settings=server_settings, extra=extra, parallel=parallel):
        raise typer.Exit(1)


def set_base(
    run: Annotated[Path, typer.Argument(help="A run or adapter directory.")],
    base: Annotated[Path | None, typer.Option("--base", help="Where the base lies. Default: it is looked for.")] = None,
) -> None:
    """Write into an adapter where its base lies after a move; another model is refused."""
    from pgt_lora.core.errors import InputError
    from pgt_lora.core.terminal import console
    from pgt_lora.models.checkpoint import find_adapter
    from pgt_lora.models.checkpoint import set_base as write

    adapter = find_adapter(run)
    if adapter is None:
        raise InputError(f"{run}: holds no adapter")
    console.print(f"The base of {adapter} is {write(adapter, base)}", soft_wrap=True)
