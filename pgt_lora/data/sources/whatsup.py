"""What'sUp-COCO: which of two captions fits a photograph (Kamath et al., 2023)."""

from pathlib import Path
from random import Random

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import read_json
from pgt_lora.data.sources.groups import coco_group
from pgt_lora.data.sources.source import Annotations, ImageRef, License, Row, Source, SourceSettings
from pgt_lora.data.sources.store import COCO
from pgt_lora.data.tasks.task import Question

FILES = ("coco_qa_*_obj.json", "*/coco_qa_*_obj.json")


def read(path: Path, split: str, settings: SourceSettings) -> Annotations:
    """Read one file: a list of `[COCO id, right caption, wrong caption]` over val2017.

    Raises:
        InputError: a row is of another form.
    """
    entries = read_json(path, "download the file again")
    rows = []
    for number, entry in enumerate(entries if isinstance(entries, list) else [None], 1):
        match entry:
            case [int() | str() as image, str() as right, str() as wrong]:
                group = coco_group(image, f"{path}, row {number}")
                reference = ImageRef(COCO.name, f"val2017/{int(group.partition(':')[2]):012d}.jpg")
                name = f"whatsup-{path.stem}-{number:06d}"
                captions = right.strip(), wrong.strip()
                rows.append(Row(name, "", captions[0], (reference,), group, "whatsup", captions))
            case _:
                raise InputError(f"{path}, row {number}: {entry!r} is not [image id, right caption, wrong caption]")
    return Annotations(tuple(rows))


def ask(rng: Random, row: Row) -> Question:
    """Ask for the letter of the caption that fits, in an order that is drawn: in the files the right one is first."""
    captions = list(row.options or ())
    rng.shuffle(captions)
    listed = "\n".join(f"{letter}. {caption}" for letter, caption in zip("AB", captions, strict=True))
    text = f"Which caption fits the image?\n{listed}\nReply with A or B."
    return Question(text, "AB"[captions.index(row.answer)], "A", "letter", ("A", "B"))


SOURCE = Source(
    name="whatsup",
    homepage="github.com/amitakamath/whatsup_vlms",
    license=License("none stated", COCO.terms, redistributable=False),
    origin=lambda settings: "Mayfull/whats_up_vlms",
    files=lambda split, settings: FILES if split == "test" else (),
    read=read,
    ask=ask,
    wider=lambda settings: "there are no more",
    stores=(COCO,),
)
