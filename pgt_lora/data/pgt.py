"""The PGT dataset directories that a recipe asks for."""

import os
from collections.abc import Mapping
from pathlib import Path

from pgt_lora.core.recipe import Recipe
from pgt_lora.core.workspace import data_directory
from pgt_lora.data.directory import is_made
from pgt_lora.data.generate import default_weights, generate, request
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks.task import TaskSettings


def pgt_data(
    recipe: Recipe, split: str, num_samples: int, name: str = "pgt", weights: Mapping[str, float] | None = None
) -> Path:
    """Return the PGT dataset directory that a recipe asks for, made where it is not there yet.

    Other weights of the tasks than the default ones go with another `name`.
    """
    settings = TaskSettings(Canvas.parse(recipe.kit.canvas), recipe.kit.max_count)
    weights = weights or default_weights()
    path = data_directory(f"{name}-{split}-{settings.canvas}-{num_samples}")
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
