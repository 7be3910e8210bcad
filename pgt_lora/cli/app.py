"""The command line. Heavy imports stand inside the commands, so that `--help` answers at once."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from pgt_lora import __version__
from pgt_lora.cli.benchmark import benchmark
from pgt_lora.cli.data import generate, mix, push_dataset
from pgt_lora.cli.diagnose import diagnose
from pgt_lora.cli.hub import export_dataset, export_recipe, push
from pgt_lora.core.errors import exit_on_input_error
from pgt_lora.core.machine import keep_freed_memory
from pgt_lora.core.terminal import hide_noise

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich")

WITH_OVERRIDES = {"allow_extra_args": True, "ignore_unknown_options": True}
DEFAULT_MODEL = "tiny-qwen2.5-vl"

Data = Annotated[Path, typer.Option("--data", help="A dataset directory.")]
Out = Annotated[Path, typer.Option("--out", help="The directory to make.")]
DType = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="bfloat16, float16 or float32. Default: the base's own type."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]


def model_and_overrides(model: str, words: list[str]) -> tuple[str, list[str]]:
    """Return the model and the recipe's fields; where no model is given, the first field stands in its place."""
    return (DEFAULT_MODEL, [model, *words]) if model.startswith("-") else (model, words)


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


app.command()(generate)


@app.command()
def preview(
    data: Annotated[Path, typer.Argument(help="A dataset directory.")],
    out: Annotated[Optional[Path], typer.Option(help="The page to write. Default: DATA.html")] = None,  # noqa: UP045
    num_images: Annotated[int, typer.Option(help="How many images to show.")] = 200,
    model: Annotated[Optional[str], typer.Option(help="Also show what this model would be trained on.")] = None,  # noqa: UP045
) -> None:
    """Write one HTML page that shows a dataset: images, questions, answers and their distribution."""
    from functools import partial

    from pgt_lora.core.terminal import console
    from pgt_lora.data.preview import write_preview

    audit = None
    if model:
        from pgt_lora.evaluation.evaluate import load_encoder
        from pgt_lora.models.audit import audit_row
        from pgt_lora.models.names import resolve

        audit = partial(audit_row, load_encoder(resolve(model, to_train=False).checkpoint))
    page = out or data.with_name(data.name + ".html")
    write_preview(data, page, num_images, audit)
    console.print(f"Open {page.resolve().as_uri()}")


@app.command(context_settings=WITH_OVERRIDES)
def check(
    context: typer.Context,
    recipe: Annotated[str, typer.Argument(help="A recipe, a run, a checkpoint directory or a Hub id.")],
    data: Annotated[Optional[Path], typer.Option(help="Training data. Default: PGT as the recipe says.")] = None,  # noqa: UP045
    offline: Annotated[bool, typer.Option("--offline", help="Go by the published dimensions, not by the Hub.")] = False,
) -> None:
    """Dry run without weights or GPU: where LoRA sits, lengths, steps, memory, disk. Any field can follow."""
    from pgt_lora.models.names import resolve
    from pgt_lora.training.dry_run.check import check as find
    from pgt_lora.training.dry_run.report import print_findings

    found = find(resolve(recipe, context.args, to_train=False).recipe, data, offline)
    print_findings(found, recipe, context.args)
    if found.problems:
        raise typer.Exit(1)


@app.command(context_settings=WITH_OVERRIDES)
def finetune(
    context: typer.Context,
    recipe: Annotated[str, typer.Argument(help="A recipe's file or name.")],
    data: Data,
    out: Out,
    overwrite: Overwrite = False,
) -> None:
    """Fine-tune with LoRA as a recipe says. Any of its fields can follow: --learning_rate 1e-3."""
    from pgt_lora.core.terminal import console
    from pgt_lora.models.names import resolve
    from pgt_lora.training.finetune import finetune as train

    adapter = train(resolve(recipe, context.args).recipe, data, out, overwrite)
    console.print(f"The adapter is in {adapter}")


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="A recipe, run, adapter or checkpoint directory, or a Hub id.")],
    data: Data,
    out: Out,
    batch_size: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(help="Questions answered at a time. Default: the recipe's."),
    ] = None,
    max_new_tokens: Annotated[Optional[int], typer.Option(help="Longest answer. Default: the recipe's.")] = None,  # noqa: UP045
    repetition_penalty: Annotated[float, typer.Option(help="1.0: none, whatever the checkpoint's own default.")] = 1.0,
    overwrite: Overwrite = False,
) -> None:
    """Answer a dataset's questions greedily and score the answers, task by task."""
    from pgt_lora.evaluation import evaluate as evaluation
    from pgt_lora.models.names import resolve

    named = resolve(model, to_train=False)
    recipe = named.recipe
    loaded, encoder = evaluation.load_for_evaluation(named.checkpoint, recipe)
    generation = evaluation.Generation(
        batch_size or recipe.sft.per_device_eval_batch_size, max_new_tokens or recipe.kit.max_new_tokens,
        repetition_penalty,
    )  # fmt: skip
    scores = evaluation.evaluate(
        loaded, encoder, data, out, name=model, generation=generation, overwrite=overwrite,
        feature_cache_gb=recipe.kit.feature_cache_gb,
    )  # fmt: skip
    evaluation.print_scores(scores, f"{model} on {data}")


@app.command()
def merge(
    run: Annotated[str, typer.Argument(help="A run or adapter directory.")],
    out: Out,
    dtype: DType = None,
    overwrite: Overwrite = False,
) -> None:
    """Merge an adapter into its base and verify the result in a fresh process."""
    from pgt_lora.export.merge import merge as merge_run
    from pgt_lora.models.names import resolve

    merge_run(resolve(run, to_train=False).checkpoint, out, overwrite, dtype)


@app.command()
def verify(
    merged: Annotated[Path, typer.Argument(help="A merged checkpoint.")],
    run: Annotated[str, typer.Option(help="The run or adapter directory that it was made from.")],
    dtype: DType = None,
) -> None:
    """Check that a merged checkpoint is its base plus the adapter, and write verification.json into it."""
    from pgt_lora.export.verify import verify_and_report
    from pgt_lora.models.names import resolve

    if not verify_and_report(merged, resolve(run, to_train=False).checkpoint, dtype):
        raise typer.Exit(1)


@app.command(context_settings=WITH_OVERRIDES)
def run(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="A recipe, a run, a checkpoint directory or a Hub id.")] = DEFAULT_MODEL,
    data: Annotated[Optional[Path], typer.Option(help="Training data. Default: PGT, made as needed.")] = None,  # noqa: UP045
    out: Annotated[Optional[Path], typer.Option(help="The run directory. Default: runs/RECIPE")] = None,  # noqa: UP045
    overwrite: Overwrite = False,
) -> None:
    """Do all of it: data, base scores, fine-tuning, scores, verified merge, report. Resumes what was interrupted."""
    from pgt_lora.models.names import resolve
    from pgt_lora.studies.before_after.run import run as run_all

    run_all(resolve(*model_and_overrides(model, context.args)).recipe, data, out, overwrite)


@app.command(context_settings=WITH_OVERRIDES)
def compare(
    context: typer.Context,
    recipe: Annotated[str, typer.Argument(help="A recipe, a checkpoint directory or a Hub id.")],
    arms: Annotated[
        str,
        typer.Option(help="base, pgt, pgt-no-UNIT, specialized-mix, pgt+mix, or NAME=DIR: your dataset or adapter."),
    ] = "base,pgt,specialized-mix",
    seeds: Annotated[str, typer.Option(help="Training seeds, such as 0,1,2.")] = "0",
    data: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Option(help="An evaluation set; can be repeated. Default: held-out PGT."),
    ] = None,
    out: Annotated[Optional[Path], typer.Option(help="Default: runs/RECIPE-compare")] = None,  # noqa: UP045
    overwrite: Overwrite = False,
) -> None:
    """Train several datasets' arms on one budget, score them on the same items, and tell gains from noise."""
    from pgt_lora.models.names import resolve
    from pgt_lora.studies.compare.compare import compare as compare_arms

    compare_arms(resolve(recipe, context.args), arms, seeds, data or [], out, context.args, overwrite)


@app.command(context_settings=WITH_OVERRIDES)
def bench(
    context: typer.Context,
    recipe: Annotated[str, typer.Argument(help="A recipe, a checkpoint directory or a Hub id.")] = DEFAULT_MODEL,
    num_samples: Annotated[int, typer.Option(help="Training samples.")] = 1000,
    repeats: Annotated[int, typer.Option(help="Runs of each.")] = 3,
    random_weights: Annotated[bool, typer.Option(help="Of the model's size; nothing is downloaded.")] = False,
    llama_factory: Annotated[
        Path | None, typer.Option(help="The Python that has LLaMA-Factory, to time it too.")
    ] = None,
) -> None:
    """Time this kit's training against TRL alone, by turns, on the same samples."""
    from pgt_lora.models.names import resolve
    from pgt_lora.studies.speed.benchmark import bench as run_bench

    named = resolve(*model_and_overrides(recipe, context.args))
    run_bench(named.recipe, num_samples, repeats, random_weights, llama_factory)


app.command(context_settings=WITH_OVERRIDES)(diagnose)

for command in (benchmark, push, export_dataset, export_recipe, mix, push_dataset):
    app.command()(command)


def main() -> None:
    """Run the command line; print an `InputError` as one line."""
    hide_noise()
    keep_freed_memory()
    with exit_on_input_error():
        app()
