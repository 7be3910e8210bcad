"""The whole path in one command: each stage reads what the one before wrote, and is skipped where it is finished."""

import difflib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from pgt_lora.core.errors import InputError, choices
from pgt_lora.core.recipe import (
    ROOT,
    Recipe,
    build_recipe,
    find_recipe,
    load_recipe,
    parse_overrides,
    read_values,
    recipe_names,
)
from pgt_lora.core.terminal import console
from pgt_lora.data.directory import is_made, new_directory, write_manifest, write_samples
from pgt_lora.data.generate import default_weights, generate, request
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks.task import Settings
from pgt_lora.evaluation.evaluate import Generation, evaluate, load_for_evaluation
from pgt_lora.export.merge import merge
from pgt_lora.models.checkpoint import family
from pgt_lora.studies.before_after.report import print_comparison, write_report
from pgt_lora.training.finetune import finetune
from pgt_lora.training.run_directory import STARTED, claim

NUM_SKILL_SAMPLES = 800


def recipe_for(model: str, overrides: Sequence[str] = ()) -> Recipe:
    """Return the recipe that a model's name means: a recipe, a run, a checkpoint directory or a Hub id, in that order.

    A checkpoint without a recipe of its own gets the first one of its family, which says the paper's values.

    Raises:
        InputError: it is none of these.
    """
    path = Path(model)
    if found := find_recipe(model):
        return load_recipe(found, overrides)
    if (path / STARTED).is_file():
        values = json.loads((path / STARTED).read_text(encoding="utf-8"))["recipe"]
        return build_recipe(path.name, str(path / STARTED), values | parse_overrides(overrides))
    if (path / "config.json").is_file() or (model.count("/") == 1 and not path.exists() and model[0] not in "./"):
        name = family(model).name
        for each in recipe_names():
            values = read_values(find_recipe(each) or path)
            if values["model_family"] == name and not each.startswith("tiny-"):
                values |= {"model_name_or_path": model} | parse_overrides(overrides)
                return build_recipe(model.replace("/", "--"), model, values)
    near = difflib.get_close_matches(model, recipe_names(), n=3)
    hint = f"did you mean {', '.join(near)}?" if near else f"recipes: {choices(recipe_names())}"
    raise InputError(f"{model}: no recipe, run directory, checkpoint directory or Hub id (owner/name); {hint}")


def run(model: str, data: Path | None, out: Path | None, overrides: Sequence[str], overwrite: bool = False) -> None:
    """Make the data, score the base, fine-tune, score again, merge, verify and report."""
    recipe = recipe_for(model, overrides)
    out = out or ROOT / "runs" / recipe.name
    data = data or pgt_data(recipe, "train", recipe.kit.num_samples)
    tests = {"pgt": pgt_data(recipe, "test", recipe.kit.num_test_samples)}
    if recipe.kit.skills:
        tests["skills"] = skill_data()
    claim(out, recipe, data, overwrite)
    score(recipe, recipe.base, tests, out / "base")
    if not (out / "adapter").exists():
        finetune(recipe, data, out)
    score(recipe, str(out), tests, out / "finetuned")
    if not (out / "merged").exists():
        merge(str(out), out / "merged")
    write_report(out, recipe, tests)
    print_comparison(out, list(tests))
    for what, path in (("Adapter", "adapter"), ("Merged model", "merged")):
        console.print(f"{what}: {out / path}", soft_wrap=True)
    console.print(f"Report: open {(out / 'report.html').resolve().as_uri()}", soft_wrap=True)


def pgt_data(
    recipe: Recipe, split: str, num_samples: int, name: str = "pgt", weights: Mapping[str, float] | None = None
) -> Path:
    """Return the PGT dataset directory that a recipe asks for, made where it is not there yet.

    Other weights of the tasks than the default ones go with another `name`.
    """
    settings = Settings(Canvas.parse(recipe.kit.canvas), recipe.kit.max_count)
    weights = weights or default_weights()
    path = ROOT / "data" / f"{name}-{split}-{settings.canvas}-{num_samples}"
    asked = request(num_samples=num_samples, seed=0, split=split, weights=weights, settings=settings)
    if is_made(path, asked):
        return path
    num_proc = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # What is there was asked for otherwise, or was never finished: this name is the kit's own to make anew.
    generate(
        path, num_samples=num_samples, seed=0, split=split, weights=weights, settings=settings, num_proc=num_proc,
        overwrite=True,
    )  # fmt: skip
    return path


def skill_data() -> Path:
    """Return the dataset directory of the small models' skills, made where it is not there yet."""
    from pgt_lora.tiny.skills import skill_samples

    path = ROOT / "data" / "pgt-tiny-skills"
    asked = {"num_samples": NUM_SKILL_SAMPLES, "seed": 0, "split": "test", "source": "tiny-lessons"}
    if not is_made(path, asked):
        with new_directory(path, overwrite=True) as directory:
            made = write_samples(directory, skill_samples(NUM_SKILL_SAMPLES))
            write_manifest(directory, asked, made)
    return path


def score(recipe: Recipe, name: str, tests: dict[str, Path], out: Path) -> None:
    """Evaluate one model on every test set that it was not yet evaluated on."""
    waiting = {test: path for test, path in tests.items() if not (out / test).exists()}
    if not waiting:
        return
    loaded, encoder = load_for_evaluation(name, recipe)
    generation = Generation(recipe.sft.per_device_eval_batch_size, recipe.kit.max_new_tokens)
    for test, path in waiting.items():
        console.print(f"{out.name} on {test}")
        evaluate(
            loaded, encoder, path, out / test, name=name, generation=generation,
            feature_cache_gb=recipe.kit.feature_cache_gb,
        )  # fmt: skip
