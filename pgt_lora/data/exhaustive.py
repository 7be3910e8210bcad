"""Every item of a task that can be listed, once each, as a dataset directory."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError, choices
from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.plugins import lookup
from pgt_lora.core.streams import stream
from pgt_lora.core.terminal import track
from pgt_lora.data.directory import read_manifest, write_manifest, write_samples
from pgt_lora.data.generate import SPLITS, find_scene, request, to_sample
from pgt_lora.data.sample import Sample
from pgt_lora.data.tasks.task import Question, TaskSettings
from pgt_lora.data.weights import tasks


def generate_exhaustive(
    out: Path, *, task: str, seed: int, split: str, settings: TaskSettings | None = None, overwrite: bool = False
) -> dict[str, Any]:
    """Write a dataset directory with every item of a task's split and return its manifest.

    The seed decides the order of the items and of their options, and where distractors lie; by default there are none.

    Raises:
        InputError: the items of this task cannot be listed, the split is unknown, or `out` exists.
    """
    known = lookup("pgt_lora.data.tasks", "TASK", task, "--tasks")
    if not known.exhaust:
        can = choices(name for name, each in tasks().items() if each.exhaust)
        raise InputError(f"--exhaustive: the items of {task} cannot be enumerated; known: {can}")
    if split not in SPLITS:
        raise InputError(f"split {split!r}: known: {choices(SPLITS)}")
    settings = _settled(settings or TaskSettings(), split)
    questions = _questions(task, seed, split, settings)

    def samples() -> Iterator[Sample]:
        for index, question in enumerate(track(questions, len(questions), "Drawing samples")):
            scene, _ = find_scene(stream(seed, "exhaustive", task, split, index), known, question, settings)
            name = f"{task}-{split}-{seed}-{index:06d}"
            yield to_sample(name, name, known, question, scene)

    with new_directory(out, overwrite) as directory:
        write_manifest(directory, exhaustive_request(task, seed, split, settings), write_samples(directory, samples()))
    return read_manifest(out)


def exhaustive_request(task: str, seed: int, split: str, settings: TaskSettings) -> dict[str, Any]:
    """Return what the manifest of every item of a task's split records as asked for."""
    settings = _settled(settings, split)
    num_samples = len(_questions(task, seed, split, settings))
    asked = request(num_samples=num_samples, seed=seed, split=split, weights={task: 1.0}, settings=settings)
    return asked | {"exhaustive": True}


def _settled(settings: TaskSettings, split: str) -> TaskSettings:
    return replace(settings, split=split, num_distractors=settings.num_distractors or 0)


def _questions(task: str, seed: int, split: str, settings: TaskSettings) -> list[Question]:
    exhaust = tasks()[task].exhaust
    return list(exhaust(stream(seed, "exhaustive", task, split), settings)) if exhaust else []
