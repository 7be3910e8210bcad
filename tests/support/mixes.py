"""Mixes of small annotations."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from pgt_lora.data.directory import open_dataset
from pgt_lora.data.mix.build import build_mix
from pgt_lora.data.mix.request import MixRequest
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.tiny.standin import IMAGES, annotations
from tests.support.originals import RANDOM, TALLYQA, ZEROSHOT, ladder, lines, put

SMALL = TaskSettings(Canvas(112, 112))


def mix(standin: Path, out: Path, num_samples: int | None = 60, seed: int = 0, **asked: Any) -> dict[str, Any]:
    given = {"annotations": annotations(standin), "image_root": standin / IMAGES} | asked
    return mixed(out, num_samples=num_samples, seed=seed, cache=out.parent / "cache", **given)


def mixed(out: Path, **given: Any) -> dict[str, Any]:
    """Build a mix of what decides on its rows and of where its files lie, given side by side."""
    asked = {field.name: given.pop(field.name) for field in fields(MixRequest) if field.name in given}
    return build_mix(out, MixRequest(**asked), **given)


def rows(directory: Path) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = open_dataset(directory).to_list()
    return listed


def fixture(directory: Path) -> dict[str, Path]:
    """Write the small original files, an image for each, and Visual Genome's mapping."""
    tallyqa = directory / "tallyqa"
    tallyqa.mkdir(parents=True)
    (tallyqa / "train.json").write_text(json.dumps([*TALLYQA, TALLYQA[1]]))
    (tallyqa / "test.json").write_text(json.dumps([TALLYQA[1] | {"issimple": True}]))
    lines(directory / "vsr/data/splits/random/train.jsonl", RANDOM)
    lines(directory / "vsr/data/splits/random/test.jsonl", [RANDOM[1] | {"caption": "The bed is left of the bench."}])
    lines(directory / "vsr/data/splits/zeroshot/train.jsonl", ZEROSHOT)
    lines(directory / "ladder.jsonl", [ladder(), ladder(image=["scene0033_00/1.jpg"]), ladder()])
    for place in ("train2014/COCO_train2014_000000296471.jpg", "val2017/000000000042.jpg", "train2017/000000172406.jpg",
                  "VG_100K_2/2410408.jpg", "images/scene0022_00/1760.jpg", "scene0033_00/1.jpg"):  # fmt: skip
        put(directory / "root" / place)
    return {"tallyqa": tallyqa, "vsr": directory / "vsr", "spatialladder": directory / "ladder.jsonl"}
