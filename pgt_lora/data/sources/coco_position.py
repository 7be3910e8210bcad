"""Where the only object of its kind lies in a COCO photograph: absolute position on photographs.

Source: "From Synthetic Scenes to Real Performance" (arXiv 2511.11440, section 3.2.3 and appendix I). It states how many
questions there are on how many images. Whole annotation files are compared with that, because the paper does not say
what it does with crowds.
"""

import json
import math
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.data.scene import Canvas, Region, Scene
from pgt_lora.data.sources.groups import coco_group
from pgt_lora.data.sources.source import (
    Annotations,
    Crowds,
    ImageRef,
    License,
    Row,
    Source,
    SourceSettings,
    field_of,
    inner_path,
)
from pgt_lora.data.sources.store import COCO
from pgt_lora.data.tasks import absolute_position
from pgt_lora.data.tasks.absolute_position import AREAS, area_of, ask_for
from pgt_lora.data.tasks.task import Question

ARCHIVE = "http://images.cocodataset.org/annotations/annotations_trainval2017.zip"
FOLDERS = {"train": "train2017", "test": "val2017"}  # the annotations of COCO's own test split are not public


@dataclass(frozen=True)
class Published:
    """What the paper counts in a split whose annotation file has `of` images: questions, and images with one."""

    of: int
    questions: int
    images: int


PUBLISHED = {"train": Published(118_287, 201_358, 95_899), "test": Published(5_000, 8_548, 4_109)}


@dataclass(frozen=True)
class Kind:
    """The annotations of one kind in one image, of single objects and of crowds."""

    image: int
    name: str
    entries: Sequence[Mapping[str, Any]]

    @property
    def singles(self) -> list[Mapping[str, Any]]:
        """The annotations of single objects."""
        return [each for each in self.entries if not each["iscrowd"]]

    def only(self, crowds: Crowds) -> Mapping[str, Any] | None:
        """Return the annotation of the one object of the kind, as crowds are read; None where there is no such one."""
        counted = self.singles if crowds == Crowds.IGNORE else self.entries
        is_one = len(counted) == 1 and (crowds == Crowds.COUNT or not counted[0]["iscrowd"])
        return counted[0] if is_one else None


def files(split: str, settings: SourceSettings) -> tuple[str, ...]:
    """Return the original names, bare and in the archive."""
    name = f"instances_{FOLDERS[split]}.json"
    return name, f"annotations/{name}", Path(ARCHIVE).name


def read(path: Path, split: str, settings: SourceSettings) -> Annotations:
    """Read COCO's object annotations, bare or in their archive: a question for each kind of which an image shows one.

    Raises:
        InputError: it is another file, is of the other split, or an annotation is not of the original schema.
    """
    tree = _tree(path, split)
    images = {field_of(each, "id", int, f"{path}, images"): each for each in tree["images"]}
    kinds = list(_kinds(path, tree, images))
    rows, skipped = [], Counter[str]()
    for kind in kinds:
        if entry := kind.only(settings.crowds):
            rows.append(_row(path, split, kind.name, entry, images[kind.image]))
        else:
            skipped["several of its kind" if len(kind.singles) > 1 else "a crowd of its kind"] += 1
    return Annotations(tuple(rows), skipped, notes=comparison(kinds, len(images), split, settings.crowds))


def comparison(kinds: Sequence[Kind], num_images: int, split: str, crowds: Crowds) -> tuple[str, ...]:
    """Compare a whole file's counts with the published ones, and say which reading of crowds fits; a part has none."""
    known = PUBLISHED[split]
    if num_images != known.of:
        return ()
    counts = {each: _count(kinds, each) for each in Crowds}
    said = f"coco_position, {FOLDERS[split]}: {counts[crowds][0]:,} questions on {counts[crowds][1]:,} images"
    fitting = [each for each in Crowds if counts[each] == (known.questions, known.images)]
    if crowds in fitting:
        return (f"{said}, as published",)
    others = ", ".join(f"{each} {counts[each][0]:,} on {counts[each][1]:,}" for each in Crowds if each != crowds)
    fits = f"--crowds {fitting[0]} fits" if fitting else "no reading of crowds fits"
    return (f"{said}; published are {known.questions:,} on {known.images:,}. {fits}: {others}",)


def _count(kinds: Sequence[Kind], crowds: Crowds) -> tuple[int, int]:
    asked = [kind.image for kind in kinds if kind.only(crowds)]
    return len(asked), len(set(asked))


def _tree(path: Path, split: str) -> dict[str, list[Any]]:
    name = f"instances_{FOLDERS[split]}.json"
    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                (member,) = (each for each in archive.namelist() if each.split("/")[-1] == name)
                text = archive.read(member)
        else:
            text = path.read_bytes()
        tree = json.loads(text, object_hook=_without_outlines)
    except (zipfile.BadZipFile, ValueError) as error:
        raise InputError(f"{path}: no {name} of COCO in it ({error}); download the file again") from error
    parts = ("images", "annotations", "categories")
    if not isinstance(tree, dict) or not all(isinstance(tree.get(part), list) for part in parts):
        raise InputError(f"{path}: not COCO's object annotations, which hold the lists {', '.join(parts)}")
    return tree


def _without_outlines(entry: dict[str, Any]) -> dict[str, Any]:
    entry.pop("segmentation", None)  # nine tenths of the file: the train split would take gigabytes of memory
    return entry


def _kinds(path: Path, tree: Mapping[str, list[Any]], images: Mapping[int, Any]) -> Iterator[Kind]:
    names = {
        field_of(each, "id", int, str(path)): field_of(each, "name", str, str(path)) for each in tree["categories"]
    }
    found: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for entry in tree["annotations"]:
        where = f"{path}, annotation {entry.get('id') if isinstance(entry, dict) else entry}"
        image, category = (field_of(entry, name, int, where) for name in ("image_id", "category_id"))
        if field_of(entry, "iscrowd", int, where) not in (0, 1) or image not in images or category not in names:
            raise InputError(f"{where}: its image, category or iscrowd is not in the file; is this the original file?")
        found.setdefault((image, category), []).append(entry)
    for (image, category), entries in found.items():
        yield Kind(image, names[category], entries)


def _row(path: Path, split: str, name: str, entry: Mapping[str, Any], image: Any) -> Row:
    where = f"{path}, annotation {entry['id']}"
    number = field_of(entry, "id", int, where)
    file = inner_path(image.get("file_name"), where)
    url = str(image.get("coco_url") or FOLDERS[split])
    if FOLDERS[split] not in url:
        raise InputError(f"{where}: its image is {url}, not in {FOLDERS[split]}; pass the {split} split's file")
    canvas = Canvas(*(field_of(image, side, int, where) for side in ("width", "height")))
    box = field_of(entry, "bbox", list, where)
    if len(box) != 4 or not all(isinstance(each, int | float) and math.isfinite(each) for each in box):
        raise InputError(f"{where}: bbox is {box!r}, not four numbers")
    region = Region(name, *(float(each) for each in box))
    x, y = canvas.place(region)
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise InputError(f"{where}: the center of bbox {box} is outside its {canvas} image")
    area = area_of(x, y)
    return Row(
        id=f"coco_position-{split}-{number}",
        question=name,
        answer=area,
        images=(ImageRef(COCO.name, f"{FOLDERS[split]}/{file}"),),
        group=coco_group(file, where),
        kind=absolute_position.TASK.name,
        scene=Scene(canvas, regions=(region,)).to_json(),
        strata=(area, name),
    )


def ask(rng: Random, row: Row) -> Question:
    """Ask where the object is, with the nine areas in random order."""
    return ask_for(row.question, row.answer, rng.sample(AREAS, len(AREAS)), {"answer": row.answer})


SOURCE = Source(
    name="coco_position",
    homepage="cocodataset.org",
    license=License("CC BY 4.0", "COCO terms of use (Flickr); not to be passed on", redistributable=False),
    origin=lambda settings: ARCHIVE,
    files=files,
    read=read,
    ask=ask,
    wider=lambda settings: "there are no more questions in the split",
    stores=(COCO,),
)
