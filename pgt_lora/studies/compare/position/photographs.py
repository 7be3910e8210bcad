"""Absolute position on photographs: COCO's, or for the small models drawn things on photographs of packages."""

from pathlib import Path
from random import Random

from pgt_lora.core.errors import InputError
from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.streams import stream
from pgt_lora.core.terminal import track
from pgt_lora.core.workspace import data_directory
from pgt_lora.data.directory import is_made, write_manifest, write_samples
from pgt_lora.data.mix.build import build_mix
from pgt_lora.data.mix.request import MixRequest
from pgt_lora.data.sample import Sample
from pgt_lora.data.scene import Box, Canvas, Region, Scene
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.data.tasks.absolute_position import AREAS, CELLS, GRID, TASK, area_of, ask_for
from pgt_lora.data.tasks.layout import clear
from pgt_lora.data.tasks.task import Question
from pgt_lora.studies.compare.transfer.arrange import draw_names
from pgt_lora.studies.compare.transfer.grounds import GROUND_TRIES, PHOTOGRAPHS, Grounds, Tally, lay_named
from pgt_lora.studies.compare.transfer.photographs import ALL
from pgt_lora.studies.compare.transfer.things import Arrangement, to_sample
from pgt_lora.tiny.picture import Thing
from pgt_lora.tiny.things import NAMES

NUM_TRAINING = 1_296  # as many as there are synthetic ones; COCO's are even over areas and categories
NUM_VALIDATION = 324
NUM_THINGS = (1, 2, 3, 4)  # the asked one among them
SIDE = (0.17, 0.30)  # of the short side; in pre-training, things have 0.17 to 0.34
GAP_PX = 2
TRIES = 500


def photographed(recipe: Recipe, which: str) -> Path:
    """Return the directory of questions on photographs, made where it is not there yet.

    Raises:
        InputError: COCO's annotations or images cannot be had, or a photograph of a package is not installed.
    """
    is_train = which == "train"
    if recipe.is_small:  # COCO's photographs would say nothing to it
        return things(recipe, which, NUM_TRAINING if is_train else recipe.kit.num_test_samples)
    return _coco("balanced" if is_train else "whole", which, NUM_TRAINING if is_train else None)


def photographed_validation(recipe: Recipe) -> Path:
    """Return the directory of questions on further photographs of the training split; on the same crops of none.

    Raises:
        InputError: as above.
    """
    if recipe.is_small:
        return things(recipe, "train", NUM_VALIDATION, first=NUM_TRAINING)
    return _coco("balanced-validation", "train", NUM_VALIDATION, (str(photographed(recipe, "train")),))


def _coco(name: str, which: str, num_samples: int | None, exclude: tuple[str, ...] = ()) -> Path:
    path = data_directory(f"coco-position-{name}-{which}")
    asked = MixRequest(
        num_samples, split=which, shares={"coco_position": 1.0}, exclude=exclude, balanced=num_samples is not None
    )
    if not is_made(path, asked.facts()):
        build_mix(path, asked, overwrite=True)
    return path


def things(recipe: Recipe, which: str, number: int, first: int = 0) -> Path:
    """Return the directory of drawn things on photographs: each area as often, each photograph in its turn."""
    canvas, grounds = Canvas.parse(recipe.kit.canvas), PHOTOGRAPHS[which]
    path = data_directory(f"pgt-position-things-{which}-{canvas}-{f'{first}-' if first else ''}{number}")
    asked = {
        "num_samples": number, "seed": 0, "split": which, "first": first, "things": list(NAMES), "canvas": str(canvas),
        "over": grounds.made_of,
    }  # fmt: skip
    if not is_made(path, asked):
        tally = Tally()
        with new_directory(path, overwrite=True) as directory:
            samples = (sample(index, which, canvas, grounds, tally) for index in range(first, first + number))
            made = write_samples(directory, track(samples, number, "Drawing things"))
            write_manifest(directory, asked, made | tally.facts() | grounds.sources("things", number))
    return path


def sample(index: int, which: str, canvas: Canvas, grounds: Grounds, tally: Tally) -> Sample:
    """Draw one sample: a thing that is asked for, and others beside it, of other kinds."""
    arrangement, asked = arrange(index, which, canvas, grounds)
    box = asked.box
    tally.count(arrangement.task, arrangement.ground)
    region = Region(asked.name, box.left, box.top, box.right - box.left + 1, box.bottom - box.top + 1)
    scene = Scene(canvas, regions=(region,)).to_json()
    return to_sample(f"position-things-{which}-{index:06d}", arrangement, scene)


def arrange(index: int, which: str, canvas: Canvas, grounds: Grounds) -> tuple[Arrangement, Thing]:
    """Return the question, the things and the ground of one sample, and the thing that is asked for.

    Raises:
        InputError: the canvas has no room for the things.
    """
    rng = stream(0, "position", "things", which, index)
    area = AREAS[index % len(AREAS)]
    ground = grounds.names[index // len(AREAS) % len(grounds.names)]
    names = draw_names(rng, rng.choice(NUM_THINGS), ALL[ground].shows)
    options = rng.sample(AREAS, len(AREAS))
    question: Question = ask_for(names[0], area, options, {"answer": area})
    for _ in range(TRIES):
        found = _place(rng, canvas, area, names)
        if found and (laid := lay_named(rng, grounds, ground, canvas, found)):
            drawn = rng.sample(found, len(found))  # which is drawn first says nothing
            return Arrangement(TASK.name, question, drawn, laid), found[0]
    raise InputError(
        f"things: no room for {len(names)} of them on a {canvas} canvas, in {TRIES * GROUND_TRIES} tries; take a larger"
    )


def _place(rng: Random, canvas: Canvas, area: str, names: list[str]) -> list[Thing] | None:
    """Place the first thing in the middle of a cell of an area, and the others anywhere; None where they do not fit."""
    cells = [cell for cell in CELLS if area_of(cell[0] / GRID, cell[1] / GRID) == area]
    column, row = rng.choice(cells)
    boxes: list[Box] = []
    middles = [((column + 0.5) / GRID, (row + 0.5) / GRID), *((rng.random(), rng.random()) for _ in names[1:])]
    for x, y in middles:
        side = round(rng.uniform(*SIDE) * canvas.short_side)
        left, top = round(x * canvas.width - side / 2), round(y * canvas.height - side / 2)
        left, top = (min(max(0, at), span - side) for at, span in ((left, canvas.width), (top, canvas.height)))
        boxes.append(Box(rng.choice(sorted(COLORS)), left, top, left + side - 1, top + side - 1))
        if not all(clear(boxes[-1], other, GAP_PX) for other in boxes[:-1]):
            return None
    middle = canvas.place(boxes[0])
    if area_of(*middle) != area:
        return None
    return [Thing(name, box, rng.getrandbits(32)) for name, box in zip(names, boxes, strict=True)]
