"""PGT samples over other grounds: the same scenes and questions, so that only what lies under them changes."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.streams import stream
from pgt_lora.core.terminal import track
from pgt_lora.data.directory import is_made, open_dataset, read_manifest, write_manifest, write_rows
from pgt_lora.data.images import png
from pgt_lora.data.overlay.draw import MIN_OPACITY
from pgt_lora.data.scene import Scene, render
from pgt_lora.data.turns import Form
from pgt_lora.studies.compare.transfer.grounds import Grounds, Laid, Tally, group_of, lay


def over(data: Path, grounds: Grounds) -> Path:
    """Return a directory beside `data` with its scenes and questions over other grounds, made where it is not there.

    Raises:
        InputError: a photograph is not installed.
    """
    manifest = read_manifest(data)
    path = data.with_name(f"{data.name}-over-{grounds.sort}")
    asked = {"num_samples": manifest["num_samples"], "seed": 0, "over": grounds.made_of, "of": manifest["content_hash"]}
    if not is_made(path, asked):
        tally = Tally()
        with new_directory(path, overwrite=True) as directory:
            rows = track(open_dataset(data), manifest["num_samples"], f"Laying {grounds.sort} under samples")
            made = write_rows(directory, _rows(rows, grounds, tally), Form.QUESTIONS)
            sources = grounds.sources("pgt", manifest["num_samples"])
            write_manifest(directory, asked, made | tally.facts() | sources)
    return path


def _rows(rows: Iterator[Mapping[str, Any]], grounds: Grounds, tally: Tally) -> Iterator[dict[str, Any]]:
    for index, row in enumerate(rows):
        scene, laid = scene_over(row, index, grounds)
        tally.count(row["task"], laid)
        image = {"bytes": png(render(scene, Image.fromarray(laid.pixels))), "path": None}
        group = group_of(laid) if grounds.are_images else row["group"]
        yield dict(row) | {"images": [image], "scene": scene.to_json(), "group": group}


def scene_over(row: Mapping[str, Any], index: int, grounds: Grounds) -> tuple[Scene, Laid]:
    """Return the scene of a row, its circles as opaque as they must be, and the ground that is laid under it."""
    scene = Scene.from_json(row["scene"])
    circles = tuple(replace(each, opacity=max(each.opacity, MIN_OPACITY)) for each in scene.circles)
    scene = replace(scene, circles=circles)
    rng = stream(0, "transfer", grounds.sort, row["id"])
    return scene, lay(rng, grounds, index, scene.canvas, scene.primitives)
