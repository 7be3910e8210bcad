"""Probe sets for the diagnosis: every scene asked about in several wordings, every question asked of two scenes."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.streams import stream
from pgt_lora.core.terminal import track
from pgt_lora.core.workspace import data_directory
from pgt_lora.data.directory import is_made, write_manifest, write_samples
from pgt_lora.data.generate import find_scene, to_sample
from pgt_lora.data.sample import Sample
from pgt_lora.data.tasks.task import Task, TaskSettings
from pgt_lora.data.weights import tasks

SEED = 0


def probe_data(num_samples: int, settings: TaskSettings) -> Path:
    """Return the directory of the probes of every task, made where it is not there yet.

    `num_samples` images of each task come in pairs that share their questions and differ in the answers. The rows of
    one image share `group`; the rows of one question share their text. Pairs never share a sample with training data.

    Raises:
        InputError: `num_samples` is no even number above zero, or the settings leave no room.
    """
    if num_samples < 2 or num_samples % 2:
        raise InputError(f"num_samples {num_samples}: the images of a task come in pairs; give an even number")
    settings = replace(settings, split="test")
    probed = {name: task for name, task in tasks().items() if task.probe}
    path = data_directory(f"pgt-probe-{settings.canvas}-{num_samples}")
    asked: Mapping[str, Any] = {
        "num_samples": num_samples,
        "seed": SEED,
        "split": "probe",
        "tasks": sorted(probed),
        "canvas": str(settings.canvas),
        "max_count": settings.max_count,
        "style": settings.style.value,
    }
    if not is_made(path, asked):
        # What is there was asked for otherwise, or was never finished: this name is the kit's own to make anew.
        with new_directory(path, overwrite=True) as directory:
            write_manifest(directory, asked, write_samples(directory, _samples(probed, num_samples, settings)))
    return path


def _samples(probed: Mapping[str, Task], num_samples: int, settings: TaskSettings) -> Iterator[Sample]:
    drawn = [(index, task) for index in range(num_samples // 2) for task in probed.values()]
    for index, task in track(drawn, len(drawn), "Drawing probes"):
        yield from probe_samples(task, index, settings)


def probe_samples(task: Task, index: int, settings: TaskSettings) -> Iterator[Sample]:
    """Yield the samples of one pair of scenes, scene by scene; each is asked about in every wording."""
    assert task.probe, f"{task.name} has no probe"
    rng = stream(SEED, "probe", task.name, index)
    for letter, questions in zip("ab", task.probe(rng, settings), strict=True):
        image = f"probe-{task.name}-{SEED}-{index:04d}{letter}"
        scene, _ = find_scene(rng, task, questions[0], settings)
        for number, question in enumerate(questions, 1):
            yield to_sample(f"{image}-{number}", image, task, question, scene)
