"""Evaluation: answers to a dataset's questions, greedy or the likeliest of those given, and how many are right."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from math import exp
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from pgt_lora.core.errors import InputError
from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.terminal import console, track
from pgt_lora.data.checked_images import checked_images
from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.data.sample import AnswerFormat
from pgt_lora.data.turns import Form, history, question
from pgt_lora.evaluation import free_text
from pgt_lora.evaluation.asked import Asked, EveryQuestion
from pgt_lora.evaluation.generation import Generation, answer
from pgt_lora.evaluation.probability import By, log_probabilities
from pgt_lora.evaluation.reading import parse
from pgt_lora.evaluation.score_files import SCORES, read_facts, write_scores
from pgt_lora.evaluation.scoring import Score, correct, score_by_task
from pgt_lora.models.checkpoint import Checkpoint, family_of, load_adapter, load_model, load_processor
from pgt_lora.models.encoding import Encoder
from pgt_lora.models.feature_cache import cached
from pgt_lora.models.lengths import Length, measure

if TYPE_CHECKING:
    from datasets import Dataset


def predict(
    model: Any, encoder: Encoder, rows: "Dataset | EveryQuestion", generation: Generation, by: By = By.GENERATION,
    lengths: Sequence[Length] | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return one prediction per row, in their order: question, expected, raw output, parsed, correct, what decided it.

    By probability, the likeliest of a row's choices is the answer, and `probabilities` are those of all of them, out of
    everything that could be written. Rows without choices are generated. `lengths` are those of the rows, where they
    are known.
    """
    tokens = [length.total for length in lengths or measure(encoder, rows)]
    # Batches of like lengths hold little padding; the longest come first, so that what does not fit shows at once.
    order = sorted(range(len(rows)), key=tokens.__getitem__, reverse=True)
    has_choices = [bool(row["choices"]) for row in rows] if by == By.PROBABILITY else [False] * len(rows)
    written, given = ([index for index in order if has_choices[index] is each] for each in (False, True))
    outputs = answer(model, encoder, rows.select(written), generation)
    likely = log_probabilities(model, encoder, rows.select(given), generation.batch_size)
    found = track(chain(zip(written, outputs, strict=True), zip(given, likely, strict=True)), len(rows), "Answering")
    of_row: dict[int, Any] = dict(found)
    return [prediction(row, of_row[index]) for index, row in enumerate(rows)]


def prediction(row: Any, found: str | list[float]) -> dict[str, Any]:
    """Return the prediction of a row from what was written, or from the log-probability of each choice.

    `before` holds what was said before the question, where there was something.
    """
    if isinstance(found, str):
        output, parsed = found, parse(found, row["answer_format"], row["choices"], question(row))
        decided: dict[str, Any] = {"by": By.GENERATION.value}
    else:
        output = parsed = row["choices"][max(range(len(found)), key=found.__getitem__)]
        shares = {choice: float(f"{exp(each):.6g}") for choice, each in zip(row["choices"], found, strict=True)}
        decided = {"by": By.PROBABILITY.value, "probabilities": shares}
    if row["answer_format"] == AnswerFormat.TEXT:
        said = parsed or ""
        decided |= {"anls": free_text.anls(said, row["answer"]), "f1": free_text.f1(said, row["answer"])}
    before = [turn.text for turn in history(row)]
    return {
        "id": row["id"],
        "task": row["task"],
        **({"before": before} if before else {}),
        "question": question(row),
        "expected": row["answer"],
        "output": output,
        "parsed": parsed,
        "correct": correct(parsed, row["answer"], row["answer_format"]),
        **decided,
    }


def answers(
    model: Any,
    encoder: Encoder,
    data: Path,
    generation: Generation,
    by: By = By.GENERATION,
    feature_cache_gb: float = 0,
    asked: Asked = Asked.LAST,
    limit: int | None = None,
) -> tuple[Any, list[dict[str, Any]]]:
    """Return the rows of a dataset directory, one for each question that is asked, and their predictions.

    With `feature_cache_gb`, the images' features are kept for the next model on the same vision tower; not where
    earlier questions are asked, too, since what is kept is whole conversations, nor of the first `limit` rows alone.

    Raises:
        InputError: the directory or an image cannot be read.
    """
    rows = open_dataset(data)
    if limit is not None:
        rows, feature_cache_gb = rows.select(range(min(limit, len(rows)))), 0
    lengths = measure(encoder, checked_images(rows, data))
    if asked == Asked.ALL and read_manifest(data)["rows"] == Form.CONVERSATIONS:
        rows = EveryQuestion(rows)
        lengths = measure(encoder, rows)
    else:
        encoder = cached(encoder, model, rows, data, feature_cache_gb, lengths)
    return rows, predict(model, encoder, rows, generation, by, lengths)


def evaluate(
    model: Any,
    encoder: Encoder,
    data: Path,
    out: Path,
    *,
    name: str,
    generation: Generation,
    by: By = By.GENERATION,
    overwrite: bool = False,
    feature_cache_gb: float = 0,
    asked: Asked = Asked.LAST,
) -> dict[str, Score]:
    """Evaluate a model on a dataset directory and write `predictions.jsonl` and `scores.json` into a new directory.

    Raises:
        InputError: as `answers`, or no row has choices to be decided by probability.
    """
    if by == By.PROBABILITY and not any(open_dataset(data)["choices"]):
        raise InputError(f"{data}: no row has choices to compare by probability; leave out --by")
    facts = {
        "model": name,
        "data": str(data.resolve()),  # which holds wherever the scores are looked at from
        "content_hash": read_manifest(data)["content_hash"],  # before answering: later, other rows may lie there
        "generation": asdict(generation),
        "by": by.value,
        "turns": asked.value,
    }
    with new_directory(out, overwrite) as directory:
        rows, predictions = answers(model, encoder, data, generation, by, feature_cache_gb, asked)
        scores = score_by_task(rows, predictions)
        write_scores(directory, predictions, scores, facts)
    return scores


def load_for_evaluation(
    checkpoint: Checkpoint, recipe: Recipe | None = None, dtype: str | None = None
) -> tuple[Any, Encoder]:
    """Load a checkpoint, with its adapter where it has one, on the GPU where there is one.

    Its type is `dtype`, or the recipe's, or else its own.
    """
    use_cuda = torch.cuda.is_available() and not (recipe and recipe.sft.use_cpu)
    model = load_model(
        checkpoint.base,
        checkpoint.revision,
        dtype=dtype or (recipe.model.dtype if recipe else "auto"),
        device_map="auto" if use_cuda else None,
    )
    if checkpoint.adapter_dir:
        model = load_adapter(model, checkpoint.adapter_dir)
    return model, load_encoder(checkpoint)


def load_encoder(checkpoint: Checkpoint) -> Encoder:
    """Load what encodes rows for a checkpoint; no weights are read."""
    base, revision = checkpoint.base, checkpoint.revision
    return Encoder(family_of(base, revision), load_processor(base, revision))


def evaluate_sets(
    recipe: Recipe, checkpoint: Checkpoint, tests: Mapping[str, Path], out: Path, model: Any = None
) -> None:  # fmt: skip
    """Evaluate a checkpoint as a recipe says on every test set that it was not yet evaluated on.

    `model` is the checkpoint's, where it is loaded already.

    Raises:
        InputError: a test set cannot be read, or this stage or one beside it was evaluated on another of the same name.
    """
    for test, path in tests.items():
        content_hash = read_manifest(path)["content_hash"]
        for other in (stage / test for stage in sorted({out, *out.parent.glob("*")})):
            if (other / SCORES).is_file() and read_facts(other)["content_hash"] != content_hash:
                told = f"{other} holds scores of another dataset with this name"
                raise InputError(f"{path}: {told}; rename one, or choose another --out")
    waiting = {test: path for test, path in tests.items() if not (out / test).exists()}
    if not waiting:
        return
    if model is None:
        model, encoder = load_for_evaluation(checkpoint, recipe)
    else:
        encoder = load_encoder(checkpoint)  # its own, which no training has changed
    generation = Generation(recipe.sft.per_device_eval_batch_size, recipe.kit.max_new_tokens)
    for test, path in waiting.items():
        console.print(f"{out.name} on {test}")
        evaluate(
            model, encoder, path, out / test, name=str(checkpoint), generation=generation,
            feature_cache_gb=recipe.kit.feature_cache_gb,
        )  # fmt: skip
