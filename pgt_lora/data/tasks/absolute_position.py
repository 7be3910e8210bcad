"""In which ninth of the image an object lies: the absolute position task of CIVET.

Source: "From Synthetic Scenes to Real Performance: Enhancing Spatial Reasoning in VLMs" (arXiv 2511.11440, sections 3.1
and 3.2, appendices I and II). The evaluation and the training set share no pair of color and shape. Sizes within a
cell are ours.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from random import Random

from pgt_lora.core.errors import InputError
from pgt_lora.data.scene import Canvas, Figure, Scene
from pgt_lora.data.scene.palette import FIGURE_COLORS
from pgt_lora.data.tasks.task import Probe, Question, Task, TaskSettings, Traits

AREAS = (
    "top left", "top center", "top right",
    "center left", "center", "center right",
    "bottom left", "bottom center", "bottom right",
)  # fmt: skip
GRID = 9  # cells on each axis, three to an area
CELLS = tuple(product(range(GRID), range(GRID)))  # (column, row)
SHAPES = ("circle", "triangle", "square", "star")
HUES = tuple(color for color in FIGURE_COLORS if color != "white")
# Color and shape of what is asked for and of what distracts from it.
KINDS = {
    "test": tuple(product(HUES, SHAPES)),
    "train": (*product(HUES, ("plus",)), *product(("white",), SHAPES)),
}
SIDES = {"small": 0.45, "regular": 0.9}  # of a cell; a small object is half as high and wide
NUM_DISTRACTORS = (0, 1, 3, 5)
MIN_SIDE_PX = 5
# The center is this far from the lines between the areas, as a fraction of the image; half a cell would be 0.056.
MIN_MARGIN = 0.03


def plan(rng: Random, settings: TaskSettings) -> Question:
    """Draw the object, the area and the order of the options."""
    color, shape = rng.choice(KINDS[settings.split])
    return ask(color, shape, rng.choice(AREAS), rng.sample(AREAS, len(AREAS)))


def ask(color: str, shape: str, area: str, options: list[str], **more: str) -> Question:
    """Ask for an object; `more` of what it is about fixes the object's `size` and `cell`."""
    return ask_for(f"{color} {shape}", area, options, {"color": color, "shape": shape, "answer": area, **more})


def ask_for(name: str, area: str, options: list[str], about: Mapping[str, str]) -> Question:
    """Word the question as appendix I does: where is what is called `name`?"""
    text = f"Answer with as few words as possible. Where is the {name}? Choose from [{', '.join(options)}]."
    return Question(text, area, "A", "word", tuple(options), about)


def exhaust(rng: Random, settings: TaskSettings) -> Iterator[Question]:
    """Yield every object in both sizes in every cell, in random order: 3,888 items of `test`, 1,620 of `train`."""
    items = list(product(KINDS[settings.split], SIDES, CELLS))
    rng.shuffle(items)
    for (color, shape), size, (column, row) in items:
        options = rng.sample(AREAS, len(AREAS))
        yield ask(color, shape, area_of(column / GRID, row / GRID), options, size=size, cell=f"{column} {row}")


def compose(rng: Random, settings: TaskSettings, question: Question) -> Scene:
    """Place the object in a cell of the planned area, and distractors that cannot be taken for it in other cells."""
    canvas, about = settings.canvas, question.about
    if side_px(canvas, "small") < MIN_SIDE_PX:
        needed = round(MIN_SIDE_PX * GRID / SIDES["small"])
        raise InputError(f"canvas {canvas}: objects would be under {MIN_SIDE_PX} pixels; give {needed} or more")
    number = rng.choice(NUM_DISTRACTORS) if settings.num_distractors is None else settings.num_distractors
    if not 0 <= number < len(CELLS):
        raise InputError(f"num_distractors {number}: {len(CELLS) - 1} fit beside an object; give 0 or more")
    target = about["color"], about["shape"]
    free = [cell for cell in CELLS if area_of(cell[0] / GRID, cell[1] / GRID) == about["answer"]]
    column, row = map(int, about["cell"].split()) if "cell" in about else rng.choice(free)
    cells = [(column, row), *rng.sample([cell for cell in CELLS if cell != (column, row)], number)]
    kinds = [target, *rng.choices(distractors(*target), k=number)]
    sizes = [about.get("size") or rng.choice(tuple(SIDES)), *rng.choices(tuple(SIDES), k=number)]
    figures = [_figure(canvas, *each) for each in zip(kinds, cells, sizes, strict=True)]
    return Scene(canvas, figures=tuple(rng.sample(figures, len(figures))))


def distractors(color: str, shape: str) -> list[tuple[str, str]]:
    """Return the kinds that may lie beside an object: of its own set, and alike in what its set does not vary.

    Beside a white object only the shape differs, beside a plus only the color (appendix II).
    """
    kinds = next(kinds for kinds in KINDS.values() if (color, shape) in kinds)
    others = [kind for kind in kinds if kind != (color, shape)]
    if color == "white" or shape == "plus":
        return [kind for kind in others if kind[0] == color == "white" or kind[1] == shape == "plus"]
    return others


def side_px(canvas: Canvas, size: str) -> int:
    """Return an object's side in pixels; the regular one is twice the small one."""
    return int(SIDES["small"] * canvas.short_side / GRID) * (2 if size == "regular" else 1)


def _figure(canvas: Canvas, kind: tuple[str, str], cell: tuple[int, int], size: str) -> Figure:
    side = side_px(canvas, size)
    x, y = (cell[0] + 0.5) * canvas.width / GRID, (cell[1] + 0.5) * canvas.height / GRID
    return Figure(*kind, round(x - side / 2), round(y - side / 2), side)


def area_of(x: float, y: float) -> str:
    """Return the ninth of the image that a point (as fractions of it) lies in.

    A point on a line between two of them lies in the one to the right of it or below it.
    """
    column, row = (min(int(3 * each + 1e-9), 2) for each in (x, y))
    return AREAS[3 * row + column]


def solve(scene: Scene, about: Mapping[str, str]) -> str:
    """Return the area of the one object of this color and shape, or `ambiguous`."""
    found = [figure for figure in scene.figures if (figure.color, figure.shape) == (about["color"], about["shape"])]
    if len(found) != 1:
        return "ambiguous"
    x, y = found[0].center[0] / scene.canvas.width, found[0].center[1] / scene.canvas.height
    if min(abs(v - line) for v in (x, y) for line in (1 / 3, 2 / 3)) < MIN_MARGIN:
        return "ambiguous"
    return area_of(x, y)


def probe(rng: Random, settings: TaskSettings) -> Probe:
    """Ask for the same object in two scenes, with the options in two orders."""
    color, shape = rng.choice(KINDS[settings.split])
    options, turn = rng.sample(AREAS, len(AREAS)), rng.randrange(1, len(AREAS))
    orders = options, [*options[turn:], *options[:turn]]
    first, second = ([ask(color, shape, area, order) for order in orders] for area in rng.sample(AREAS, 2))
    return first, second


def traits(scene: Scene, text: str) -> Traits:
    """Count the distractors, and tell the object's color, shape and size; in a photograph, its area and its name."""
    if scene.regions:
        (region,) = scene.regions
        share = region.width * region.height / (scene.canvas.width * scene.canvas.height)
        return Traits({"share of the image": share}, {"name": region.name}, (scene.canvas.place(region),), GRID)
    color, shape = text.split("?")[0].split()[-2:]
    asked = next(figure for figure in scene.figures if (figure.color, figure.shape) == (color, shape))
    size = next(size for size in SIDES if side_px(scene.canvas, size) == asked.side)
    names = {"color": color, "shape": shape, "size": size}
    return Traits({"distractors": float(len(scene.figures) - 1)}, names, (scene.canvas.place(asked),), GRID)


TASK = Task(
    "absolute_position", "companion", plan, compose, solve,
    companion=True, exhaust=exhaust, sees="place", probe=probe, traits=traits,
    remedy="take a larger canvas or a smaller --num-distractors",
)  # fmt: skip
