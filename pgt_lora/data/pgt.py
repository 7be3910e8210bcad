"""The PGT dataset directories that a recipe asks for."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pgt_lora.core.recipe import Recipe
from pgt_lora.core.workspace import data_directory
from pgt_lora.data.directory import is_made
from pgt_lora.data.generate import generate, request
from pgt_lora.data.scene import Canvas
from pgt_lora.data.style import Style
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.data.weights import parse_weights


def pgt_settings(recipe: Recipe) -> TaskSettings:
    """Return what a recipe chooses for all tasks."""
    return TaskSettings(Canvas.parse(recipe.kit.canvas), recipe.kit.max_count, Style(recipe.kit.style))


def pgt_data(
    recipe: Recipe,
    split: str,
    num_samples: int,
    name: str = "pgt",
    weights: Mapping[str, float] | None = None,
    style: Style | None = None,
) -> Path:
    """Return the PGT dataset directory that a recipe asks for, made where it is not there yet.

    Other weights of the tasks than the recipe's go with another `name`; another style can be asked for, too.
    """
    settings = pgt_settings(recipe)
    settings = replace(settings, style=style) if style else settings
    weights = weights or parse_weights(recipe.kit.tasks)
    look = "" if settings.style == Style.PLAIN else f"-{settings.style}"
    asked = request(num_samples=num_samples, seed=0, split=split, weights=weights, settings=settings)
    path = data_directory(f"{name}{look}-{split}-{settings.canvas}-{num_samples}{_digest(asked)}")
    if is_made(path, asked):
        return path
    num_proc = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # What is there was asked for otherwise, or was never finished: this name is the kit's own to make anew.
    generate(
        path, num_samples=num_samples, seed=0, split=split, weights=weights, settings=settings, num_proc=num_proc,
        overwrite=True,
    )  # fmt: skip
    return path


def _digest(asked: Mapping[str, Any]) -> str:
    """Return what tells apart the names of requests that differ in tasks or counts; nothing for the usual ones."""
    usual = {"tasks": parse_weights("families"), "max_count": TaskSettings.max_count}
    if all(asked[name] == value for name, value in usual.items()):
        return ""
    return "-" + hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:8]
