"""What a model does on fixed rows, and whether another one does the same but for the rounding of its sums."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import read_json_lines
from pgt_lora.core.recipe_values import read_values
from pgt_lora.data.directory import open_dataset
from pgt_lora.data.turns import with_last_answer
from pgt_lora.evaluation.evaluate import By, predict, prediction
from pgt_lora.evaluation.generation import Generation, answer
from pgt_lora.evaluation.score_files import read_facts, read_scores, scored_data
from pgt_lora.evaluation.scoring import score_by_task
from pgt_lora.export.rounding import LEAST, Rounding, supervised
from pgt_lora.export.verify_weights import Check, Subject
from pgt_lora.models.checkpoint import OWN_RECIPE, without_adapter
from pgt_lora.models.encoding import Encoder


@dataclass(frozen=True)
class Behavior:
    """What a model does on some rows.

    `logits` are those at the supervised positions, shape (positions, vocabulary); `answers` the greedy ones, a row
    each; `steps` the logits that each of their tokens was taken from, shape (tokens, rows, vocabulary).
    """

    logits: torch.Tensor
    answers: list[str]
    steps: torch.Tensor


def behavior(model: Any, encoder: Encoder, rows: Sequence[Mapping[str, Any]]) -> Behavior:
    """Return what a model does on rows, all in one batch."""
    steps: list[torch.Tensor] = []
    logits, _ = supervised(model, encoder, rows)
    computing = without_adapter(model)
    hook = computing.register_forward_hook(lambda _, __, out: steps.append(out.logits[:, -1].float().cpu()))
    try:
        answers = list(answer(model, encoder, rows, Generation(batch_size=len(rows))))
    finally:
        hook.remove()
    return Behavior(logits, answers, torch.stack(steps))


def check_behavior(
    before: Behavior, after: Behavior, dtype: torch.dtype, leeway: Rounding, base: torch.Tensor
) -> list[Check]:  # fmt: skip
    """Compare base + adapter with the merged model, both computed in `dtype`.

    `base` has the base's own logits on the first rows, which tell how far the adapter moves them.
    W x + (α/r)·BA x is rounded otherwise than W' x, so logits are compared within what rounding leaves open, and an
    answer may differ only where that decided the first token that differs.
    """
    difference, effect = (before.logits - after.logits).abs(), float((before.logits[: len(base)] - base).abs().max())
    largest = float(before.logits.abs().max())
    tolerance, margin = leeway.of_logit(dtype) * largest, leeway.of_margin(dtype) * largest
    differing = [row for row, (a, b) in enumerate(zip(before.answers, after.answers, strict=True)) if a != b]
    ties = [row for row in differing if decided_within(before.steps[:, row], after.steps[:, row], margin)]
    same = f"{len(after.answers) - len(differing)} of {len(after.answers)} answers equal"
    told = f"largest difference {difference.max():.1e}, mean {difference.mean():.1e}, tolerance {tolerance:.1e}; "
    told += f"the adapter moves them by up to {effect:.1e}"
    told += "" if effect > tolerance else ", so this check cannot tell it from the base"
    return [
        Check(Subject.LOGITS, float(difference.max()) <= tolerance, told),
        Check(
            Subject.ANSWERS,
            differing == ties,
            same + (f", {len(ties)} of the others decided by rounding" if differing else ""),
        ),
    ]


def decided_within(before: torch.Tensor, after: torch.Tensor, margin: float) -> bool:
    """Tell whether two models' first differing tokens are nearly as likely; logits of shape (tokens, vocabulary).

    Where every logit is off by t at most, the margins by which each model prefers its own token sum up to 2 t at most.
    """
    for a, b in zip(before, after, strict=False):  # up to the shorter answer; what follows an end is never reached
        first, second = int(a.argmax()), int(b.argmax())
        if first != second:
            return float(a[first] - a[second] + b[second] - b[first]) <= margin
    return False


def check_scores(
    sets: Sequence[Path], model: Any, encoder: Encoder, leeway: Rounding, of_base: Sequence[Path] = ()
) -> Check:  # fmt: skip
    """Answer the held-out questions of every scored set with the merged model, and compare with base + adapter.

    An answer may turn right or wrong only where the merged model, led along the old answer, finds each of its tokens as
    likely as the likeliest but for rounding. All scores, those `of_base` too, are what their outputs come to.

    Raises:
        InputError: the held-out samples are no longer there, or no longer those that were scored.
    """
    passed, figures = zip(*(_same_scores(scores, model, encoder, leeway) for scores in sets), strict=True)
    named = [f"{scores.name}: {each}" for scores, each in zip(sets, figures, strict=True)]
    untrue = [
        f"{path.parent.name}/{path.name}: not what its outputs come to"
        for path in (*sets, *of_base)
        if not adds_up(path)
    ]
    return Check(Subject.SCORES, all(passed) and not untrue, "; ".join([*named, *untrue]))


def adds_up(scores: Path) -> bool:
    """Tell whether the predictions of a scored set, and its scores, are what its outputs come to."""
    rows, before, _ = scored(scores)
    again = [
        each if each["by"] == By.PROBABILITY else prediction(row, each["output"])
        for row, each in zip(rows, before, strict=True)
    ]
    return again == before and score_by_task(rows, again) == read_scores(scores)


def scored(scores: Path) -> tuple[Any, list[dict[str, Any]], Generation]:
    """Return what a run was scored on, its predictions row by row, and how they were generated.

    Raises:
        InputError: the held-out samples are no longer there, or no longer those that were scored.
    """
    data = scored_data(scores)
    rows = open_dataset(data)
    before = read_json_lines(scores / "predictions.jsonl")
    if [each["id"] for each in before] != list(rows["id"]):
        raise InputError(f"{scores}: does not hold a prediction for each row of {data}; score the adapter again")
    return rows, before, Generation(**read_facts(scores)["generation"])


def _same_scores(scores: Path, model: Any, encoder: Encoder, leeway: Rounding) -> tuple[bool, str]:
    rows, before, generation = scored(scores)
    after = predict(model, encoder, rows, generation)
    changed = [index for index, each in enumerate(after) if each["correct"] != before[index]["correct"]]
    margin = max(leeway.of_margin(dtype) for dtype in (model.dtype, _scored_in(scores, model.dtype)))
    by_rounding = [
        index
        for index in changed
        if before[index]["output"] != after[index]["output"]
        and is_as_likely(model, encoder, rows[index], before[index]["output"], generation, margin)
    ]
    right = [sum(each["correct"] for each in predictions) for predictions in (after, before)]
    told = f"{right[0]} of {len(after)} right, {right[1]} with the adapter; {len(changed)} changed"
    return changed == by_rounding, told + (f", {len(by_rounding)} of these by rounding" if changed else "")


def is_as_likely(
    model: Any, encoder: Encoder, row: Mapping[str, Any], output: str, generation: Generation, margin: float
) -> bool:
    """Tell whether a model, led along an answer, finds each token nearly as likely as the likeliest.

    A token's logit may lack `margin`, relative to the largest logit.
    """
    said = with_last_answer(row, output.strip())
    try:
        logits, tokens = supervised(model, encoder, [said])
        own = slice(len(tokens) - len(encoder.text_ids(said).answer), None)  # behind those of earlier answers
    except InputError:  # text that cannot be an answer
        return False
    logits, tokens = logits[own][: generation.max_new_tokens], tokens[own][: generation.max_new_tokens]
    lacking = logits.max(-1).values - logits.gather(1, tokens[:, None])[:, 0]
    return float(lacking.max()) <= margin * float(logits.abs().max())


def _scored_in(scores: Path, default: torch.dtype) -> torch.dtype:
    """Return the type in which a run's scores were computed, as its recipe says."""
    recipe = scores.parents[1] / "adapter" / OWN_RECIPE
    named = read_values(recipe).get("dtype") if recipe.is_file() else None
    dtype = getattr(torch, str(named), default)
    return dtype if dtype in LEAST else default
