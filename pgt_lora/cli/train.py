"""The commands that train, score, merge and verify a model."""

from pathlib import Path
from typing import Annotated

import typer

from pgt_lora.cli.options import (
    DEFAULT_MODEL,
    Data,
    DType,
    EvalData,
    Out,
    Overwrite,
    model_and_overrides,
    refuse_num_samples,
)


def check(
    context: typer.Context,
    recipe: Annotated[str, typer.Argument(help="A recipe, a run, a checkpoint directory or a Hub id.")],
    data: Annotated[
        str | None, typer.Option(help="A dataset directory, what `import` reads, or specialized-mix. Default: PGT.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Use the published dimensions; do not access the Hub.")
    ] = False,
    gpu: Annotated[
        str | None, typer.Option(help="Estimate the minutes of training on a card: h100, a100, l40s, 4090, …")
    ] = None,
) -> None:
    """Dry run without weights or GPU: LoRA placement, lengths, steps, memory, disk. Any recipe field can follow."""
    from pgt_lora.models.names import resolve
    from pgt_lora.studies.named_data import dataset
    from pgt_lora.training.auto_batch import card_here
    from pgt_lora.training.dry_run.cards import named_card
    from pgt_lora.training.dry_run.check import check as find
    from pgt_lora.training.dry_run.fitting import fitted
    from pgt_lora.training.dry_run.report import print_findings

    card = None if gpu is None else named_card(gpu)
    named = resolve(recipe, context.args, to_train=False).recipe
    refuse_num_samples(context.args, data)
    found = find(named, None if data is None else dataset(data, named), offline, data)
    if named.batch_is_auto:
        found = fitted(found, *((card[1].memory_gib, card[0]) if card else card_here(named)))
    print_findings(found, recipe, context.args, card)
    if found.problems:
        raise typer.Exit(1)


def finetune(
    context: typer.Context,
    recipe: Annotated[str, typer.Argument(help="A recipe's file or name, or a run that was begun.")],
    out: Out,
    data: Data = None,
    eval_data: Annotated[
        str | None, typer.Option(help="The held-out set of eval_strategy. Default: the data's own test split.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Fine-tune with LoRA. Any recipe field can follow: --learning_rate 1e-3."""
    from pgt_lora.core.terminal import console
    from pgt_lora.models.names import resolve

    chosen = resolve(recipe, context.args).recipe
    refuse_num_samples(context.args, data)
    from pgt_lora.studies import by_name  # seconds, which a name that is mistyped does not wait for
    from pgt_lora.studies.named_data import data_of_run

    adapter = by_name.finetune(chosen, data or data_of_run(recipe), out, eval_data=eval_data, overwrite=overwrite)
    console.print(f"The adapter is in {adapter}", soft_wrap=True)


def evaluate(
    model: Annotated[str, typer.Argument(help="A recipe, run, adapter or checkpoint directory, or a Hub id.")],
    eval_data: Annotated[
        str, typer.Option("--eval-data", help="The questions: a dataset directory, or what `import` reads.")
    ],
    out: Out,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Questions per batch. Default: the recipe's.")] = None,
    max_new_tokens: Annotated[int | None, typer.Option(min=1, help="Longest answer. Default: the recipe's.")] = None,
    repetition_penalty: Annotated[float, typer.Option(help="Default: 1.0 (none), whatever the checkpoint says.")] = 1.0,
    by: Annotated[
        str, typer.Option(help="generation, or probability: the most likely of a question's choices is the answer.")
    ] = "generation",
    turns: Annotated[
        str, typer.Option(help="last, or all: every question of a conversation, after its true history.")
    ] = "last",
    overwrite: Overwrite = False,
) -> None:
    """Answer a dataset's questions and score the answers by task."""
    from pgt_lora.evaluation.score_files import print_scores
    from pgt_lora.studies import by_name

    scores = by_name.evaluate(
        model, eval_data, out, batch_size=batch_size, max_new_tokens=max_new_tokens,
        repetition_penalty=repetition_penalty, by=by, turns=turns, overwrite=overwrite,
    )  # fmt: skip
    print_scores(scores, f"{model} on {eval_data}")


def merge(
    run: Annotated[str, typer.Argument(help="A run or adapter directory.")],
    out: Out,
    dtype: DType = None,
    overwrite: Overwrite = False,
) -> None:
    """Merge an adapter into its base and verify the result in a fresh process."""
    from pgt_lora.studies import by_name

    by_name.merge(run, out, dtype=dtype, overwrite=overwrite)


def verify(
    merged: Annotated[Path, typer.Argument(help="A merged checkpoint.")],
    run: Annotated[str, typer.Option(help="The run or adapter directory from which it was made.")],
    dtype: DType = None,
) -> None:
    """Check that a merged checkpoint is its base plus the adapter, and write verification.json into it."""
    from pgt_lora.studies import by_name

    if not by_name.verify(merged, run, dtype=dtype):
        raise typer.Exit(1)


def run(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="A recipe, a run, a checkpoint directory or a Hub id.")] = DEFAULT_MODEL,
    data: Annotated[
        str | None,
        typer.Option(
            help="A dataset directory, what `import` reads, specialized-mix, or a=0.9,b=0.1. Default: PGT, or what the "
            "run was begun with."
        ),
    ] = None,
    eval_data: EvalData = None,
    out: Annotated[Path | None, typer.Option(help="The run directory. Default: runs/RECIPE")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Make data, score the base, fine-tune, score again, merge, verify and report. Resumes an interrupted run."""
    from pgt_lora.models.names import STARTED, resolve
    from pgt_lora.studies.named_data import dataset, held_out

    name, words = model_and_overrides(model, context.args)
    begun = (Path(name) / STARTED).is_file() and (out is None or out.resolve() == Path(name).resolve())
    out = Path(name) if begun else out  # a run that was begun goes on where it lies
    recipe = resolve(name, words).recipe
    refuse_num_samples(words, data)
    from pgt_lora.studies.before_after.run import run as run_all  # seconds, as above
    from pgt_lora.training.run_directory import data_of, given_to

    directory = dataset(data, recipe) if data is not None else data_of(Path(name)) if begun else None
    sets = held_out(eval_data, recipe, data) or (given_to(Path(name)).eval_data if begun else ())
    run_all(recipe, directory, out, overwrite, sets)
