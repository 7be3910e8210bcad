"""Visual Spatial Reasoning: captions of COCO images that are true or false (Liu et al., 2023).

Its two split families overlap: train on one of them holds test items of the other. So one run reads one family.
"""

import re
from collections import Counter
from pathlib import Path
from random import Random

from pgt_lora.core.errors import InputError, choices
from pgt_lora.data.sources.groups import coco_group
from pgt_lora.data.sources.source import (
    Annotations,
    ImageRef,
    License,
    Row,
    Source,
    SourceSettings,
    field_of,
    inner_path,
    json_lines,
)
from pgt_lora.data.sources.store import COCO
from pgt_lora.data.tasks.task import Question

FAMILIES = ("random", "zeroshot")
_FOLDER = re.compile(r"/((?:train|val)20\d\d)/[^/]+$")


def origin(settings: SourceSettings) -> str:
    """Return the Hub id of the split family; there are no images in it."""
    return f"cambridgeltl/vsr_{_family(settings)}"


def files(split: str, settings: SourceSettings) -> tuple[str, ...]:
    """Return the names in the original repository, then in the Hub's."""
    name = f"{_family(settings)}/{split}.jsonl"
    return f"data/splits/{name}", f"splits/{name}", name, f"{split}.jsonl"


def read(path: Path, split: str, settings: SourceSettings) -> Annotations:
    """Read one JSON-lines file; the family is told by its columns: only zeroshot has `subj` and `obj`.

    Raises:
        InputError: a row is not of the original schema, or the rows are of another family than is asked for.
    """
    rows = []
    families: Counter[str] = Counter()
    for number, (where, entry) in enumerate(json_lines(path), 1):
        caption = field_of(entry, "caption", str, where).strip()
        label = field_of(entry, "label", int, where)
        if label not in (0, 1):
            raise InputError(f"{where}: label is {label!r}, not 0 or 1")
        families["zeroshot" if "subj" in entry else "random"] += 1
        image = inner_path(entry.get("image"), where)
        folder = _FOLDER.search(field_of(entry, "image_link", str, where))
        if folder is None:
            raise InputError(f"{where}: image_link {entry['image_link']!r} is not in train2017 or val2017")
        reference = ImageRef(COCO.name, f"{folder[1]}/{image}")
        name = f"vsr-{path.stem}-{number:06d}"
        rows.append(Row(name, caption, str(label == 1), (reference,), coco_group(image, where), "vsr"))
    if set(families) - {_family(settings)}:
        raise InputError(
            f"{path}: its rows are of the {'/'.join(sorted(families))} family, but --vsr-split is "
            f"{settings.vsr_split}; train on one holds test items of the other: pass "
            f"--vsr-split {min(families)}, or files of one family"
        )
    return Annotations(tuple(rows), family=_family(settings))


def ask(rng: Random, row: Row) -> Question:
    """Ask whether the caption is true."""
    text = f"Based on the image, is this statement True or False? {row.question} Answer with True or False directly."
    return Question(text, row.answer, "A", "true_false", ("True", "False"))


def _family(settings: SourceSettings) -> str:
    if settings.vsr_split not in FAMILIES:
        raise InputError(f"--vsr-split {settings.vsr_split!r}: known: {choices(FAMILIES)}")
    return settings.vsr_split


def wider(settings: SourceSettings) -> str:
    """Return how to get more rows."""
    return (
        "--vsr-split random has the most (7,680)" if settings.vsr_split != "random" else "take a smaller share of vsr"
    )


SOURCE = Source(
    name="vsr",
    homepage="github.com/cambridgeltl/visual-spatial-reasoning",
    license=License("CC BY 4.0", COCO.terms, redistributable=False),
    origin=origin,
    files=files,
    read=read,
    ask=ask,
    wider=wider,
    stores=(COCO,),
    in_default_mix=True,
)
