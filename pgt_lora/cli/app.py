"""The command line. Heavy imports stand inside the commands, so that `--help` answers at once."""

from collections.abc import Callable
from typing import Annotated

import typer

from pgt_lora import __version__
from pgt_lora.cli.ask import ask
from pgt_lora.cli.data import gallery, generate, mix, preview, push_dataset, seal, split
from pgt_lora.cli.hub import export_dataset, export_recipe, push, serve_check, set_base
from pgt_lora.cli.own_data import import_data, overlay
from pgt_lora.cli.results import cite, figure, runs, table
from pgt_lora.cli.studies import bench, benchmark, compare, diagnose
from pgt_lora.cli.train import check, evaluate, finetune, merge, run, verify
from pgt_lora.core.failures import exit_with_one_line
from pgt_lora.core.machine import keep_freed_memory
from pgt_lora.core.terminal import hide_noise, print_anything, tell_downloads

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich")


def show_version(wanted: bool) -> None:
    """Print the version and end, where it is wanted."""
    if wanted:
        typer.echo(f"pgt-lora {__version__}")
        raise typer.Exit


@app.callback()
def _describe(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """LoRA fine-tuning of vision-language models on Procedurally Generated Tasks (PGT)."""


# Any field of the recipe can follow these.
WITH_OVERRIDES = {"allow_extra_args": True, "ignore_unknown_options": True}
RECIPE_COMMANDS: tuple[Callable[..., None], ...] = (run, check, finetune, compare, diagnose, bench)
COMMANDS: tuple[Callable[..., None], ...] = (
    generate, mix, overlay, split, seal, preview, ask, evaluate, merge, verify, benchmark, push, push_dataset,
    export_dataset, export_recipe, serve_check, set_base, runs, table, figure, cite, gallery,
)  # fmt: skip
for command in RECIPE_COMMANDS:
    app.command(context_settings=WITH_OVERRIDES)(command)
for command in COMMANDS:
    app.command()(command)
app.command("import")(import_data)


def main() -> None:
    """Run the command line; print whatever is raised as one line."""
    print_anything()
    hide_noise()
    tell_downloads()
    keep_freed_memory()
    with exit_with_one_line():
        app()
