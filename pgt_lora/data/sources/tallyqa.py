"""TallyQA: counting questions on COCO and Visual Genome images (Acharya et al., 2019)."""

import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.data.sources.groups import coco_group, vg_group
from pgt_lora.data.sources.source import (
    Annotations,
    ImageRef,
    License,
    Row,
    Source,
    SourceSettings,
    field_of,
    inner_path,
)
from pgt_lora.data.sources.store import COCO, PARQUET, VISUAL_GENOME
from pgt_lora.data.tasks.task import Question

ARCHIVE = "https://github.com/manoja328/tallyqa/raw/master/tallyqa.zip"
_VG = re.compile(r"^VG_100K(_2)?/")
_COCO = re.compile(r"^(train|val)20\d\d/")


def files(split: str, settings: SourceSettings) -> tuple[str, ...]:
    """Return the original names, then those of two sets on the Hub that carry their images with them."""
    hub = {"train": "tallyqa/train-*.parquet", "test": "data/test-*.parquet"}[split]
    return f"{split}.json", "tallyqa.zip", hub, Path(hub).name


def read(path: Path, split: str, settings: SourceSettings) -> Annotations:
    """Read the original JSON list, bare or in its archive, or a parquet file of the Hub.

    Raises:
        InputError: a row is not of the original schema.
    """
    if path.suffix == ".parquet":
        return _read_parquet(path)
    rows = []
    for number, entry in enumerate(_entries(path, split), 1):
        where = f"{path}, row {number}"
        answer = field_of(entry, "answer", int, where)
        if answer < 0:
            raise InputError(f"{where}: a count of {answer}")
        question = field_of(entry, "question", str, where).strip()
        image = inner_path(entry.get("image"), where)
        if _VG.match(image):
            reference, group = ImageRef(VISUAL_GENOME.name, image), vg_group(image, settings.vg_to_coco, where)
        elif _COCO.match(image):
            reference, group = ImageRef(COCO.name, image), coco_group(image, where)
        else:
            raise InputError(f"{where}: image {image!r} is in none of train2014, val2014, VG_100K and VG_100K_2")
        rows.append(Row(f"tallyqa-{split}-{number:06d}", question, str(answer), (reference,), group, "tallyqa"))
    return Annotations(tuple(rows))


def ask(rng: Random, row: Row) -> Question:
    """Ask for the number, or for one of three lettered numbers, alike often.

    The two wrong options are drawn from the six numbers that the answer lies in: 0 to 5, 6 to 11 and so on. Each of
    the three would get the other two alike often, so the options alone say nothing beyond how frequent each count is.
    """
    template = rng.choice("AB")
    if template == "A":
        return Question(f"{row.question} Answer with the number directly", row.answer, "A", "number", None)
    number = int(row.answer)
    first = number // 6 * 6
    others = [each for each in range(first, first + 6) if each != number]
    options = [number, *rng.sample(others, 2)]
    rng.shuffle(options)
    listed = " ".join(f"({letter}) {option}" for letter, option in zip("ABC", options, strict=True))
    text = f"{row.question} {listed} Answer with the option's letter from the given choices directly"
    return Question(text, "ABC"[options.index(number)], "B", "letter", ("A", "B", "C"))


def _entries(path: Path, split: str) -> list[Any]:
    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                (name,) = (each for each in archive.namelist() if each.split("/")[-1] == f"{split}.json")
                text = archive.read(name).decode()
        else:
            text = path.read_text(encoding="utf-8")
        entries = json.loads(text)
    except (zipfile.BadZipFile, ValueError) as error:
        raise InputError(f"{path}: no {split}.json of TallyQA in it ({error}); download the file again") from error
    if not isinstance(entries, list):
        raise InputError(f"{path}: not a single JSON list, as in TallyQA's files")
    return entries


def _read_parquet(path: Path) -> Annotations:
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); download the file again") from error
    names = set(file.schema_arrow.names)
    column = next((name for name in ("texts", "qa") if name in names), None)
    if column is None or not {"images", "image"} & names:
        raise InputError(f"{path}: columns {sorted(names)}; TallyQA's parquet files have images + texts, or image + qa")
    rows, skipped = [], Counter[str]()
    index = 0
    for batch in file.iter_batches(columns=[column]):  # the images stay where they are until some are drawn
        for pairs in batch.column(0).to_pylist():
            for place, (question, answer) in enumerate(_pairs(pairs, f"{path}, row {index + 1}")):
                if answer.isdigit():
                    reference = ImageRef(PARQUET.name, str(path), index)
                    name = f"tallyqa-{path.stem}-{index}-{place}"
                    group = f"tallyqa:{path.stem}:{index}"
                    rows.append(Row(name, question, answer, (reference,), group, "tallyqa"))
                else:
                    skipped["answer is no number"] += 1
            index += 1
    return Annotations(tuple(rows), skipped)


def _pairs(pairs: list[dict[str, Any]], where: str) -> Iterator[tuple[str, str]]:
    for pair in pairs:
        question = field_of(pair, "user" if "user" in pair else "question", str, where)
        answer = str(field_of(pair, "assistant" if "assistant" in pair else "answer", (str, int), where))
        # The Cauldron asks for a short answer in a second line, and ends its answers with a full stop.
        yield question.split("\n")[0].strip(), answer.strip().rstrip(".")


SOURCE = Source(
    name="tallyqa",
    homepage="github.com/manoja328/TallyQA_dataset",
    license=License("none stated", "COCO terms of use (Flickr) and Visual Genome; not to be passed on", False),
    origin=lambda settings: ARCHIVE,
    files=files,
    read=read,
    ask=ask,
    wider=lambda settings: "train.json has the most (249,318); or take a smaller share of tallyqa",
    stores=(COCO, VISUAL_GENOME, PARQUET),
    in_default_mix=True,
)
