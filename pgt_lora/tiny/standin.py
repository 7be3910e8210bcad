"""A stand-in for the Specialized Mix: synthetic images with annotations in the three original formats.

The small models cannot read photographs. What they are fine-tuned on instead goes the same way as the real data, from
the annotation files on: `mix` builds from it without network.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from pgt_lora.core.files import write_json
from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.streams import stream
from pgt_lora.data.scene import Box, Canvas, Circle, Scene, render
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.data.tasks.distance import MAX_RATIO
from pgt_lora.data.tasks.layout import fits, margin_px, place_circle
from pgt_lora.data.tasks.sides import OPPOSITE, relation_of

CANVAS = Canvas(112, 112)
MAX_COUNT = 6
SIDE = (0.1, 0.2)  # of a box, in fractions of the canvas's side
RADIUS = (0.05, 0.1)
MAX_TRIES = 500
AS_VSR = {"left": "left of", "right": "right of", "above": "above", "below": "below"}
FILES = {
    "tallyqa": "annotations/tallyqa/train.json",
    "vsr": "annotations/vsr/random/train.jsonl",
    "spatialladder": "annotations/spatialladder/spld_spatial_data.jsonl",
}
IMAGES = "images"
SCENES = "scenes.json"

Kind = tuple[str, str]
"""A color and a shape, `box` or `circle`."""


def write_standin(directory: Path, num_samples: int, seed: int) -> None:
    """Write as many rows as an equal mix of `num_samples` needs, with one image each.

    `annotations/SOURCE` hold the annotation files, `images` is the image root, `scenes.json` the scene of each image.

    Raises:
        InputError: the directory exists.
    """
    per_source = -(-num_samples // len(FILES))
    with new_directory(directory) as partial_directory:
        scenes: dict[str, str] = {}
        for name, draw in DRAW.items():
            rows = []
            for index in range(per_source):
                entry, scene = draw(stream(seed, "standin", name, index), index)
                path = image_path(name, entry)
                file = partial_directory / IMAGES / path
                file.parent.mkdir(parents=True, exist_ok=True)
                # As photographs come, but with nothing of the colors lost.
                render(scene).save(file, "JPEG", quality=95, subsampling=0)
                scenes[path] = scene.to_json()
                rows.append(entry)
            _write(partial_directory / FILES[name], rows)
        write_json(partial_directory / SCENES, scenes)


def annotations(directory: Path) -> dict[str, Path]:
    """Return what `build_mix` takes as `annotations` for a stand-in; its `image_root` is `directory / IMAGES`."""
    return {name: directory / file for name, file in FILES.items()}


def image_path(source: str, entry: dict[str, Any]) -> str:
    """Return where the image of an annotation lies below the image root."""
    if source == "vsr":
        return f"train2017/{entry['image']}"
    return str(entry["image"][0] if source == "spatialladder" else entry["image"])


def draw_count(rng: Random, index: int) -> tuple[dict[str, Any], Scene]:
    """Draw a question in the manner of TallyQA: how many objects of a shape, of any color or of one."""
    shape, color = rng.choice(("box", "circle")), rng.choice([None, *sorted(COLORS)])
    number = rng.randint(0, MAX_COUNT)

    def compose() -> Scene | None:
        others = rng.sample([(c, s) for c in sorted(COLORS) for s in ("box", "circle") if not counted((c, s))], 3)
        kinds: list[Kind] = [(color or rng.choice(sorted(COLORS)), shape) for _ in range(number)]
        return _place(rng, [*kinds, *others[: rng.randint(0 if number else 1, 3)]])

    def counted(kind: Kind) -> bool:
        return kind[1] == shape and color in (None, kind[0])

    plural = {"box": "boxes", "circle": "circles"}[shape]
    coco = index % 2 == 0
    number_of_image = 1_000_000 + index
    entry = {
        "answer": number,
        "data_source": "amt" if coco else "imported_genome",
        "image": f"train2014/COCO_train2014_{number_of_image:012d}.jpg" if coco else f"VG_100K/{number_of_image}.jpg",
        "image_id": number_of_image if coco else 90_000_000 + number_of_image,
        "question": f"How many {f'{color} ' if color else ''}{plural} are there?",
        "question_id": index,
    }
    return entry, _compose(compose)


def draw_caption(rng: Random, index: int) -> tuple[dict[str, Any], Scene]:
    """Draw a caption in the manner of VSR: one object left of, right of, above or below another, true or false."""
    first, second, *others = _kinds(rng, rng.randint(2, 4))
    relation, label = rng.choice(sorted(OPPOSITE)), rng.randint(0, 1)

    def compose() -> Scene | None:
        scene = _place(rng, [first, second, *others])
        if scene is None:
            return None
        a, b = find(scene, first), find(scene, second)
        return scene if relation_of(a, b, CANVAS) == (relation if label else OPPOSITE[relation]) else None

    name = f"{2_000_000 + index:012d}.jpg"
    entry = {
        "image": name,
        "image_link": f"http://images.cocodataset.org/train2017/{name}",
        "caption": f"The {_name(first)} is {AS_VSR[relation]} the {_name(second)}.",
        "label": label,
        "relation": AS_VSR[relation],
        "annotator_id": 0,
        "vote_true_validator_id": "[]",
        "vote_false_validator_id": "[]",
        "reference_frame": None,
    }
    return entry, _compose(compose)


def draw_distance(rng: Random, index: int) -> tuple[dict[str, Any], Scene]:
    """Draw a question in the manner of SpatialLadder: which of two to four objects is nearest to another."""
    target, *options = _kinds(rng, rng.randint(3, 5))
    right = rng.choice(options)

    def compose() -> Scene | None:
        scene = _place(rng, [target, *options])
        return scene if scene and nearest(scene, target) == right else None

    names = ", ".join(map(_name, options))
    entry = {
        "question_id": index,
        "question": f"Measuring between centers, which of these objects ({names}) is closest to the {_name(target)}?",
        "options": [f"{letter}. {_name(each)}" for letter, each in zip("ABCD", options, strict=False)],
        "answer": f"{'ABCD'[options.index(right)]}.",
        "image": [f"scene{index:05d}_00/0.jpg"],
        "question_type": "relative distance",
        "data_type": "single_image",
    }
    return entry, _compose(compose)


def nearest(scene: Scene, target: Kind) -> Kind | None:
    """Return what is nearest to the target, center to center, by the margin of the PGT task, or None."""
    x, y = find(scene, target).center
    far = {_kind(p): ((p.center[0] - x) ** 2 + (p.center[1] - y) ** 2) ** 0.5 for p in scene.primitives}
    first, second = sorted((kind for kind in far if kind != target), key=far.__getitem__)[:2]
    return first if far[first] <= MAX_RATIO * far[second] else None


def find(scene: Scene, kind: Kind) -> Box | Circle:
    """Return the object of a color and shape."""
    return next(p for p in scene.primitives if _kind(p) == kind)


def _kinds(rng: Random, number: int) -> list[Kind]:
    return [(color, rng.choice(("box", "circle"))) for color in rng.sample(sorted(COLORS), number)]


def _kind(primitive: Box | Circle) -> Kind:
    return primitive.color, "box" if isinstance(primitive, Box) else "circle"


def _name(kind: Kind) -> str:
    return " ".join(kind)


def _compose(compose: Callable[[], Scene | None]) -> Scene:
    # The same question until a scene fits, so that no rejection makes an answer rarer.
    return next(scene for scene in (compose() for _ in range(MAX_TRIES)) if scene)


def _place(rng: Random, kinds: list[Kind]) -> Scene | None:
    """Place one object for each kind, none touching another, or return None."""
    boxes: list[Box] = []
    circles: list[Circle] = []
    for color, shape in rng.sample(kinds, len(kinds)):
        taken: list[Box | Circle] = [*boxes, *circles]
        if shape == "box":
            boxes += fits(partial(_place_box, rng, color), taken, CANVAS)
        else:
            circles += fits(partial(place_circle, rng, CANVAS, color, rng.uniform(*RADIUS)), taken, CANVAS)
    return Scene(CANVAS, tuple(boxes), tuple(circles)) if len(boxes) + len(circles) == len(kinds) else None


def _place_box(rng: Random, color: str) -> Box:
    width, height = (round(CANVAS.short_side * rng.uniform(*SIDE)) for _ in range(2))
    edge = margin_px(CANVAS, 0.02)
    left, top = rng.randint(edge, CANVAS.width - edge - width), rng.randint(edge, CANVAS.height - edge - height)
    return Box(color, left, top, left + width - 1, top + height - 1)


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True)
    text = json.dumps(rows) if path.suffix == ".json" else "".join(json.dumps(row) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")


DRAW = {"tallyqa": draw_count, "vsr": draw_caption, "spatialladder": draw_distance}
