"""The whole path in one command: each stage reads what the one before wrote, and is skipped where it is finished."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from pgt_lora.core.lock import alone
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.terminal import console
from pgt_lora.core.workspace import run_directory
from pgt_lora.data.pgt import pgt_data
from pgt_lora.evaluation.evaluate import evaluate_sets
from pgt_lora.evaluation.held_out import sets_of_run
from pgt_lora.export.merge import cast_to, merge, verify_in_fresh_process
from pgt_lora.export.record import has_passed, is_as_proven
from pgt_lora.models.checkpoint import adapter_checkpoint
from pgt_lora.models.names import base_of
from pgt_lora.studies.before_after.live import live_view
from pgt_lora.studies.before_after.report import print_comparison, write_report
from pgt_lora.tiny.skills import with_replay
from pgt_lora.training.auto_batch import for_this_machine
from pgt_lora.training.finetune import check_step, finetune
from pgt_lora.training.run_directory import Given, claim
from pgt_lora.training.scoring import loads_otherwise


def run(
    recipe: Recipe, data: Path | None = None, out: Path | None = None, overwrite: bool = False,
    eval_data: Sequence[Path] = (),
) -> None:  # fmt: skip
    """Make the data, score the base, fine-tune, score again, merge, verify and report.

    Raises:
        InputError: the recipe, the data or an evaluation set cannot be used, or a stage failed.
    """
    out = out or run_directory(recipe.name)
    tests, given = sets_of_run(recipe, data, eval_data), Given(data, tuple(eval_data))
    data = data or with_replay(recipe, pgt_data(recipe, "train", recipe.kit.num_samples))
    recipe = for_this_machine(recipe, data, None if overwrite else out)
    held_out = next(iter(tests.values()))
    if not (out / "adapter").exists():
        check_step(recipe, data)  # before the base is scored for an hour
    live = live_view(recipe, held_out, out)
    with alone(out):
        claim(out, recipe, data, held_out, overwrite, given)
        _stages(recipe, data, out, tests, live)
    print_comparison(out, list(tests))
    for what, path in (("Adapter", "adapter"), ("Merged model", "merged")):
        console.print(f"{what}: {out / path}", soft_wrap=True)
    console.print(f"Report: open {(out / 'report.html').resolve().as_uri()}", soft_wrap=True)


def _stages(
    recipe: Recipe, data: Path, out: Path, tests: Mapping[str, Path], live: Sequence[TrainerCallback]
) -> None:  # fmt: skip
    held_out = next(iter(tests.values()))

    def score(model: Any = None, adapter: Path | None = None) -> None:
        checkpoint = adapter_checkpoint(adapter) if adapter else base_of(recipe)
        evaluate_sets(recipe, checkpoint, tests, out / ("finetuned" if adapter else "base"), model)

    if not (out / "adapter").exists():
        if reason := loads_otherwise(recipe):
            console.print(f"Weights are loaded anew to be scored: {reason}", soft_wrap=True)
            score()
        finetune(recipe, data, out, eval_data=held_out, score=None if reason else score, callbacks=live)
    score()  # what was left: by an earlier run, or of a model that training cannot lend
    score(adapter=out / "adapter")
    tuned = adapter_checkpoint(out / "adapter")
    if not (out / "merged").exists():
        merge(tuned, out / "merged")
    elif not has_passed(out / "merged", [f"finetuned/{test}" for test in tests]) or not is_as_proven(out):
        console.print(
            f"{out / 'merged'}: not verified on all of these as they are now, or not with success; verifying it again",
            soft_wrap=True,
        )
        verify_in_fresh_process(out / "merged", out / "adapter", cast_to(out / "merged", tuned))
    write_report(out, recipe, tests, data)
