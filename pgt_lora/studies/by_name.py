"""What the kit does, by the names that a person types: the functions behind the commands and `import pgt_lora`.

A model is the name of a recipe, a run, an adapter or checkpoint directory or a Hub id. Data is the path of a dataset
directory, a file or folder that can be imported, a Hub id, `pgt`, `specialized-mix`, or shares such as
`pgt=0.9,DIR=0.1`. Fields of the recipe follow as keywords.
"""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError, chosen
from pgt_lora.core.lock import alone
from pgt_lora.core.new_directory import check_free
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.typed import typed
from pgt_lora.data.overlay.build import overlay_data
from pgt_lora.data.overlay.plan import OverlaySettings
from pgt_lora.evaluation import evaluate as evaluation
from pgt_lora.evaluation.ask import Chat
from pgt_lora.evaluation.asked import Asked
from pgt_lora.evaluation.generation import Generation
from pgt_lora.evaluation.held_out import check_held_out, test_split, warn_if_trained_on
from pgt_lora.evaluation.probability import By
from pgt_lora.evaluation.scoring import Score
from pgt_lora.export.endpoint import Endpoint, only_model
from pgt_lora.export.merge import merge as merge_checkpoint
from pgt_lora.export.serve_check import serve_check as check_served
from pgt_lora.export.verify import score_directories, verify_and_report
from pgt_lora.models.names import STARTED, resolve
from pgt_lora.models.sight import default_sight, sight
from pgt_lora.studies.named_data import dataset
from pgt_lora.training.auto_batch import for_this_machine
from pgt_lora.training.finetune import finetune as train
from pgt_lora.training.run_directory import check_apart

Name = str | Path


def load_recipe(model: Name, **fields: Any) -> Recipe:
    """Return the recipe of a model, with fields of it changed: `load_recipe("qwen2.5-vl-3b", learning_rate=2e-4)`.

    Raises:
        InputError: the name means nothing, or a field cannot be what it is to be.
    """
    return resolve(str(model), [f"--{name}={json.dumps(value)}" for name, value in fields.items()]).recipe


def finetune(
    recipe: Recipe | Name, data: Name, out: Name, *, eval_data: Name | None = None, overwrite: bool = False
) -> Path:
    """Fine-tune with LoRA as a recipe says, and return the adapter directory, `out/adapter`.

    `eval_data` is the held-out set whose loss is computed while training, where the recipe has an `eval_strategy`;
    without it, that is the test split beside the data.

    Raises:
        InputError: the recipe, the data or the model cannot be used, or `out` is another run's or another process's.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    if eval_data and recipe.sft.eval_strategy == "no":
        raise InputError(
            f"{eval_data}: no loss is computed on it, as the recipe has no eval_strategy; add --eval_strategy epoch, "
            "or leave out --eval-data"
        )
    directory = dataset(str(data), recipe)
    held_out = dataset(str(eval_data), recipe, "test") if eval_data else test_split(directory)
    if held_out and recipe.sft.eval_strategy != "no":
        check_held_out({"held out": held_out}, {"the model": directory})
    with alone(Path(out)) if recipe.sft.should_save else nullcontext():  # of several processes, for the first
        fitting = for_this_machine(recipe, directory, None if overwrite else Path(out))
        return train(fitting, directory, Path(out), overwrite, held_out)


def overlay(
    source: Name,
    out: Name,
    *,
    proportion: float = 0.05,
    tasks_per_image: int = 1,
    separate: bool = False,
    seed: int = 0,
    render: bool = False,
    model: Name | None = None,
    limit: int | None = None,
    shards: int | None = None,
    num_proc: int = 1,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Draw PGT over a share of a dataset's photographs, with one question more in each conversation, into `out`.

    That is a plan, which is drawn when it is read, or holds pixels with `render`. What is drawn is large enough for
    `model` or, without one, for Qwen2.5-VL, InternVL3 and LLaVA-NeXT. Returns the manifest.

    Raises:
        InputError: the source or the model cannot be used, or `out` exists.
    """
    settings = OverlaySettings(proportion, tasks_per_image, separate, seed, limit)
    settings.check()
    seen = default_sight() if model is None else sight(str(model))
    return overlay_data(
        str(source), Path(out), settings, render=render, seen=seen, num_shards=shards, num_proc=num_proc,
        overwrite=overwrite,
    )  # fmt: skip


def evaluate(
    model: Name,
    data: Name,
    out: Name,
    *,
    batch_size: int | None = None,
    max_new_tokens: int | None = None,
    repetition_penalty: float = 1.0,
    by: str = By.GENERATION,
    turns: str = Asked.LAST,
    overwrite: bool = False,
) -> dict[str, Score]:
    """Answer a dataset's questions, write `predictions.jsonl` and `scores.json` into `out`, and return the scores.

    The scores are those of each task, by its name.

    Raises:
        InputError: the model or the data cannot be used, or `out` exists.
    """
    decided, asked = chosen("--by", by, By), chosen("--turns", turns, Asked)
    if any(number is not None and number < 1 for number in (batch_size, max_new_tokens)):
        raise InputError("batch_size and max_new_tokens: give a number from 1 on, or leave it out for the recipe's")
    check_free(Path(out), overwrite)  # a model takes minutes to load
    named = resolve(str(model), to_train=False)
    recipe = named.recipe
    directory = dataset(str(data), recipe, "test")
    check_apart(Path(out), named.checkpoint.base, named.checkpoint.adapter_dir, directory, data)
    warn_if_trained_on(named.checkpoint, directory)
    loaded, encoder = evaluation.load_for_evaluation(named.checkpoint, recipe)
    generation = Generation(
        recipe.sft.per_device_eval_batch_size if batch_size is None else batch_size,
        recipe.kit.max_new_tokens if max_new_tokens is None else max_new_tokens,
        repetition_penalty,
    )
    return evaluation.evaluate(
        loaded, encoder, directory, Path(out), name=str(model), generation=generation, by=decided,
        overwrite=overwrite, feature_cache_gb=recipe.kit.feature_cache_gb, asked=asked,
    )  # fmt: skip


def merge(run: Name, out: Name, *, dtype: str | None = None, overwrite: bool = False) -> None:
    """Merge a run's adapter into its base, and verify the result in a fresh process.

    Raises:
        InputError: there is no adapter, `out` exists, or the merged checkpoint is not what it should be.
    """
    checkpoint = resolve(str(run), to_train=False).checkpoint
    check_apart(Path(out), checkpoint.base, checkpoint.adapter_dir)
    merge_checkpoint(checkpoint, Path(out), overwrite, dtype)


def verify(merged: Name, run: Name, *, dtype: str | None = None) -> bool:
    """Tell whether a merged checkpoint is its base plus the run's adapter, and write `verification.json` into it.

    Raises:
        InputError: the run holds no adapter.
    """
    return verify_and_report(Path(merged), resolve(str(run), to_train=False).checkpoint, dtype)


def serve_check(
    run: Name, url: str, *, name: str | None = None, server_settings: bool = False, extra: str = "{}", parallel: int = 1
) -> bool:  # fmt: skip
    """Tell whether a served model answers a run's held-out questions as the run's own model did, and print a table.

    `name` is the model's at the server, `extra` a JSON object of further fields of a request.

    Raises:
        InputError: the run was not scored, the server cannot be asked, or `extra` is no JSON object.
    """
    try:
        fields = json.loads(extra)
    except ValueError as error:
        raise InputError(f"--extra {extra!r}: not JSON ({error})") from error
    if not isinstance(fields, dict):
        raise InputError(f"--extra {extra!r}: not a JSON object")
    named = resolve(str(run), to_train=False)
    adapter = named.checkpoint.adapter_dir
    scores = score_directories(adapter.parent) if adapter else []
    if not scores:
        place = adapter.parent if adapter and (adapter.parent / STARTED).is_file() else run
        raise InputError(f"{run}: not a run with scores; make one with: {typed('run', place)}")
    if not url.startswith(("http://", "https://")):
        raise InputError(f"--url {url}: begins with neither http:// nor https://")
    endpoint = Endpoint(url, name or only_model(url), server_settings, fields, parallel)
    return check_served(scores, endpoint, named.checkpoint, named.recipe)


def chat(model: Name, images: Sequence[Name], *, base: bool = False, max_new_tokens: int = 128) -> Chat:
    """Load a model for questions about image files: `chat("runs/mine", ["a.jpg"]).ask("How many?")`.

    With `base`, a run's base is asked the same.

    Raises:
        InputError: the model or an image cannot be read.
    """
    named = resolve(str(model), to_train=False)
    loaded, encoder = evaluation.load_for_evaluation(named.checkpoint, named.recipe)
    return Chat(loaded, encoder, [Path(image) for image in images], Generation(1, max_new_tokens), base)


def ask(
    model: Name, images: Sequence[Name], question: str, *, base: bool = False, max_new_tokens: int = 128
) -> dict[str, str]:
    """Return a model's greedy `answer` to one question about image files and, with `base`, the `base_answer` too.

    Raises:
        InputError: the model, an image or the question cannot be used.
    """
    return chat(model, images, base=base, max_new_tokens=max_new_tokens).ask(question)
