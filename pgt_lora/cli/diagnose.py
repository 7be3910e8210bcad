"""The command that diagnoses a model."""

from pathlib import Path
from typing import Annotated, Optional

import typer


def diagnose(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="A recipe, run, adapter or checkpoint directory, or a Hub id.")],
    data: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="A dataset directory. Default: probes, every scene in every wording, every question twice."),
    ] = None,
    num_samples: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(help="Images of each task among the probes. Default: 200"),
    ] = None,
    out: Annotated[Optional[Path], typer.Option(help="Default: runs/RECIPE-diagnosis")] = None,  # noqa: UP045
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
) -> None:
    """Tell what a model sees, what it sees and cannot say, and what fools it. Any field of the recipe can follow."""
    from pgt_lora.models.names import resolve
    from pgt_lora.studies.diagnose.diagnose import diagnose_model

    named = resolve(model, context.args, to_train=False)
    diagnose_model(named, data, num_samples, out, context.args, overwrite)
