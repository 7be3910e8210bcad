"""The commands for what leaves the project: to the Hub, and to other trainers."""

from pathlib import Path
from typing import Annotated

import typer

from pgt_lora.cli.options import Out, Overwrite


def push(
    run: Annotated[Path, typer.Argument(help="A finished run directory.")],
    repo: Annotated[str, typer.Argument(help="The model repository: owner/name.")],
    what: Annotated[
        str, typer.Option(help="merged, adapter, or both (the adapter in a folder of its own).")
    ] = "merged",
    public: Annotated[bool, typer.Option("--public", help="Make a new repository public.")] = False,
    branch: Annotated[str | None, typer.Option(help="A branch of the repository.")] = None,
    create_pr: Annotated[bool, typer.Option("--create-pr", help="Open a pull request instead.")] = False,
    license: Annotated[
        str | None, typer.Option(help="The base's license, if its card names none: apache-2.0, …")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the files and print the card; push nothing.")
    ] = False,
) -> None:
    """Push a verified run to the Hub, with a card. Private unless --public. Uses the token of `hf auth login`."""
    from pgt_lora.core.terminal import console
    from pgt_lora.export.push import push as push_run

    address = push_run(
        run, repo, what=what, public=public, branch=branch, create_pr=create_pr, license=license, dry_run=dry_run
    )
    if address:
        console.print(f"Pushed: {address}", soft_wrap=True)


def export_dataset(
    data: Annotated[Path, typer.Argument(help="A dataset directory.")],
    out: Out,
    format: Annotated[str, typer.Option(help="sharegpt (LLaMA-Factory), ms-swift or llava.")] = "sharegpt",
    overwrite: Overwrite = False,
) -> None:
    """Export a dataset directory in another trainer's format: a file of rows, and images."""
    from pgt_lora.export.other_trainers import export_dataset as export

    export(data, out, format, overwrite)


def export_recipe(
    recipe: Annotated[str, typer.Argument(help="A recipe, a run, a checkpoint directory or a Hub id.")],
    data: Annotated[Path, typer.Option(help="The dataset as exported with --format sharegpt.")],
    out: Annotated[Path, typer.Option("--out", help="The YAML file to make.")],
    output_dir: Annotated[str, typer.Option(help="The other trainer's output directory.")] = "saves/pgt",
) -> None:
    """Export a recipe in LLaMA-Factory's format, to repeat the run there."""
    from pgt_lora.core.errors import InputError
    from pgt_lora.core.files import write_text
    from pgt_lora.export.llama_factory import llama_factory_recipe
    from pgt_lora.export.other_trainers import INFO_FILE
    from pgt_lora.models.names import resolve

    if out.exists():
        raise InputError(f"{out}: exists; choose another --out")
    if not (data / INFO_FILE).is_file():
        raise InputError(f"--data {data}: is no dataset as `export-dataset --format sharegpt` makes it")
    found = resolve(recipe, to_train=False).recipe
    write_text(out, llama_factory_recipe(found, str(data.resolve()), output_dir))


def serve_check(
    run: Annotated[str, typer.Argument(help="A run that was scored.")],
    url: Annotated[str, typer.Option("--url", help="The server: http://localhost:8000")],
    name: Annotated[str | None, typer.Option(help="The model's name on the server. Default: the only one.")] = None,
    server_settings: Annotated[
        bool, typer.Option("--server-settings", help="Use the server's own generation settings.")
    ] = False,
    extra: Annotated[str, typer.Option(help="Additional request fields, as JSON.")] = "{}",
    parallel: Annotated[int, typer.Option(min=1, help="Requests in flight.")] = 1,
) -> None:
    """Ask a served model a run's held-out questions, and compare answers and scores with the run's."""
    from pgt_lora.studies.by_name import serve_check as check

    if not check(run, url, name=name, server_settings=server_settings, extra=extra, parallel=parallel):
        raise typer.Exit(1)


def set_base(
    run: Annotated[Path, typer.Argument(help="A run or adapter directory.")],
    base: Annotated[Path | None, typer.Option("--base", help="The base's path. Default: search for it.")] = None,
) -> None:
    """Update an adapter's path to its base after a move; a different model is refused."""
    from pgt_lora.core.errors import InputError
    from pgt_lora.core.terminal import console
    from pgt_lora.models.checkpoint import find_adapter
    from pgt_lora.models.checkpoint import set_base as write

    adapter = find_adapter(run)
    if adapter is None:
        raise InputError(f"{run}: holds no adapter")
    console.print(f"The base of {adapter} is {write(adapter, base)}", soft_wrap=True)
