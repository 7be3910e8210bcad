"""The commands that speak with the Hub."""

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
    from pgt_lora.progress import console
    from pgt_lora.push import push as push_run

    address = push_run(
        run, repo, what=what, public=public, branch=branch, create_pr=create_pr, licence=licence, dry_run=dry_run
    )
    if address:
        console.print(f"Pushed: {address}", soft_wrap=True)
