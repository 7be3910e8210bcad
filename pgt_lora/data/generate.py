"""Generating PGT samples: which task, which question, which scene, and all of it from (seed, split, index) alone."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from pgt_lora.core.errors import InputError, choices
from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.streams import stream
from pgt_lora.core.terminal import track
from pgt_lora.core.workers import check_number, in_order
from pgt_lora.data.directory import read_manifest, write_manifest, write_samples
from pgt_lora.data.images import png
from pgt_lora.data.sample import Sample
from pgt_lora.data.scene import Canvas, Scene, render
from pgt_lora.data.scene.faces import faces
from pgt_lora.data.style import Style
from pgt_lora.data.tasks.task import Question, Task, TaskSettings
from pgt_lora.data.varied import draw_canvas, smallest, vary
from pgt_lora.data.weights import parse_weights, tasks

MAX_TRIES = 500
LARGEST_TRIED = 1000  # pixels, where a larger canvas is proposed
SPLITS = ("train", "test")


def make_sample(
    index: int, *, seed: int, split: str, weights: Mapping[str, float], settings: TaskSettings
) -> tuple[Sample, int]:
    """Return sample `index` of a split and the number of scenes that were rejected on the way.

    Raises:
        InputError: no scene for the question was found, because the settings leave no room for it.
    """
    rng, settings = stream(seed, "pgt", split, index), replace(settings, split=split)
    names = sorted(weights)  # the order in which they are given says nothing
    name = rng.choices(names, [weights[each] for each in names])[0]
    task = tasks()[name]
    question = task.plan(rng, settings)
    scene, rejected = find_scene(rng, task, question, settings)
    sample = f"pgt-{split}-{seed}-{index:06d}"
    return to_sample(sample, sample, task, question, scene), rejected


def find_scene(rng: Random, task: Task, question: Question, settings: TaskSettings) -> tuple[Scene, int]:
    """Return a scene that fits a question and the number of scenes that were rejected on the way.

    Raises:
        InputError: none was found, because the settings leave no room for one.
    """
    varied = settings.style == Style.VARIED and not task.companion
    if varied:
        settings = replace(settings, canvas=draw_canvas(rng, settings.canvas))
    for tries in range(MAX_TRIES):
        scene = task.compose(rng, settings, question)
        if scene is not None:
            scene = vary(rng, scene) if varied else scene
            solved, planned = task.solve(scene, question.about), question.about["answer"]
            assert solved == planned, f"{question.text}: planned {planned}, the scene says {solved}"
            return scene, tries
    raise InputError(
        f"{task.name}: no scene in {MAX_TRIES} tries for {question.text!r} on a {settings.canvas} canvas; {task.remedy}"
    )


def to_sample(name: str, group: str, task: Task, question: Question, scene: Scene) -> Sample:
    """Draw a scene and return it with its question; `group` names the image."""
    return Sample(
        id=name,
        images=(png(render(scene)),),
        question=question.text,
        answer=question.answer,
        source="pgt",
        task=task.name,
        template=question.template,
        answer_format=question.answer_format,
        group=group,
        choices=question.choices,
        scene=scene.to_json(),
    )


def generate(
    out: Path,
    *,
    num_samples: int,
    seed: int,
    split: str = "train",
    weights: Mapping[str, float] | None = None,
    settings: TaskSettings | None = None,
    num_proc: int = 1,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write a dataset directory of PGT samples and return its manifest.

    Raises:
        InputError: `out` exists, or something asked for cannot be met. Nothing is left behind then.
    """
    if num_samples < 1:
        raise InputError(f"num_samples {num_samples}: at least one is needed")
    check_number(num_proc)
    if split not in SPLITS:
        raise InputError(f"split {split!r}: known: {choices(SPLITS)}")
    settings = settings or TaskSettings()
    weights = weights or parse_weights("families")
    check_varied(weights, replace(settings, split=split))
    asked = request(num_samples=num_samples, seed=seed, split=split, weights=weights, settings=settings)
    make = partial(make_sample, seed=seed, split=split, weights=weights, settings=settings)
    rejections: Counter[str] = Counter(dict.fromkeys(weights, 0))

    def samples() -> Iterator[Sample]:
        for sample, rejected in track(in_order(make, range(num_samples), num_proc), num_samples, "Drawing samples"):
            rejections[sample.task] += rejected
            yield sample

    with new_directory(out, overwrite) as directory:
        made = write_samples(directory, samples())
        write_manifest(directory, asked, made | {"rejections": dict(rejections)})
    return read_manifest(out)


def check_varied(weights: Mapping[str, float], settings: TaskSettings) -> None:
    """Raise `InputError` where the varied style may draw a canvas that is too small for a task."""
    if settings.style != Style.VARIED:
        return
    for name in sorted(weights):
        task = tasks()[name]
        if not (task.companion or task.has_room(replace(settings, canvas=smallest(settings.canvas)))):
            squares = (Canvas(side, side) for side in range(settings.canvas.short_side, LARGEST_TRIED))
            fit = (each.width for each in squares if task.has_room(replace(settings, canvas=smallest(each))))
            if (least := next(fit, None)) is None:
                return  # something else is wrong, which the first sample tells
            raise InputError(
                f"canvas {settings.canvas}: --style {settings.style} also draws on {smallest(settings.canvas)}, which "
                f"is too small for {name}; take {least} or more"
            )


def request(
    *, num_samples: int, seed: int, split: str, weights: Mapping[str, float], settings: TaskSettings
) -> dict[str, Any]:
    """Return what a manifest records as asked for; a directory that was asked for the same is reused."""
    more: dict[str, Any] = {} if settings.num_distractors is None else {"num_distractors": settings.num_distractors}
    if settings.style == Style.VARIED:
        more["letters"] = ", ".join(faces())  # other typefaces draw other images
    return {
        "num_samples": num_samples,
        "seed": seed,
        "split": split,
        "tasks": dict(weights),
        "canvas": str(settings.canvas),
        "max_count": settings.max_count,
        "style": settings.style.value,
    } | more
