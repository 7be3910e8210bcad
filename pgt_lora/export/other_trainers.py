"""Datasets in the forms that other trainers read, so that a run can be repeated there."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError, choices
from pgt_lora.core.files import write_json
from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.terminal import track
from pgt_lora.data.directory import open_dataset
from pgt_lora.data.images import plain_file
from pgt_lora.data.turns import IMAGE, Role, Turn, turns

IMAGE_MARK = "<image>"
LLAVA_ROLES = {Role.USER: "human", Role.ASSISTANT: "gpt"}
MARKS = (IMAGE_MARK, "<video>", "<audio>")  # wherever the text holds one, those trainers look for a file
ENDINGS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpg", b"GIF8": "gif", b"BM": "bmp", b"II*\0": "tif", b"MM\0*": "tif"}


@dataclass(frozen=True)
class Format:
    """How another trainer spells a row: its file's name, and whether that is one list or a row a line."""

    file: str
    spell: Callable[[Mapping[str, Any], Sequence[str]], dict[str, Any]]


def messages(row: Mapping[str, Any], images: Sequence[str]) -> dict[str, Any]:
    """Spell a row as messages with a mark for every image, as LLaMA-Factory and ms-swift have it."""
    said = [{"role": turn.role.value, "content": marked(turn, IMAGE_MARK)} for turn in turns(row)]
    return {"messages": said, "images": list(images)}


def llava(row: Mapping[str, Any], images: Sequence[str]) -> dict[str, Any]:
    """Spell a row as LLaVA's own training files do; several images are a list, and of text alone there is none.

    Raises:
        InputError: it has a system turn, for which LLaVA's form has no place.
    """
    said = turns(row)
    if said[0].role == Role.SYSTEM:
        raise InputError(f"row {row['id']!r}: has a system turn, which LLaVA's format lacks; export another format")
    image: Any = images[0] if len(images) == 1 else list(images)
    talk = [{"from": LLAVA_ROLES[turn.role], "value": marked(turn, f"{IMAGE_MARK}\n")} for turn in said]
    return {"id": row["id"]} | ({"image": image} if images else {}) | {"conversations": talk}


def marked(turn: Turn, mark: str) -> str:
    """Return the text of a turn with a mark where each image is shown."""
    return "".join(mark if part is IMAGE else part for part in turn.parts)


FORMATS = {
    "sharegpt": Format("train.json", messages),
    "ms-swift": Format("train.jsonl", messages),
    "llava": Format("train.json", llava),
}

# LLaMA-Factory finds a dataset by this entry of this file.
INFO_FILE = "dataset_info.json"
DATASET_INFO = {
    "file_name": "train.json",
    "formatting": "sharegpt",
    "columns": {"messages": "messages", "images": "images"},
    "tags": {
        "role_tag": "role",
        "content_tag": "content",
        "user_tag": "user",
        "assistant_tag": "assistant",
        "system_tag": "system",
    },
}


def export_dataset(data: Path, out: Path, form: str, overwrite: bool = False) -> None:
    """Write a dataset directory in another trainer's form: a file of rows, and the images as files beside it.

    Raises:
        InputError: the form is unknown, the dataset is unfinished, a row cannot be had in it, or `out` exists.
    """
    if form not in FORMATS:
        raise InputError(f"format {form!r}: unknown; known: {choices(FORMATS)}")
    chosen, rows = FORMATS[form], open_dataset(data)
    with new_directory(out, overwrite) as directory:
        (directory / "images").mkdir()
        spelled = [
            chosen.spell(row, write_images(row, number, directory))
            for number, row in enumerate(track(rows, len(rows), "Exporting"), 1)
        ]
        if chosen.file.endswith(".jsonl"):
            lines = (json.dumps(row, ensure_ascii=False) for row in spelled)
            (directory / chosen.file).write_text("\n".join(lines) + "\n", encoding="utf-8")
        else:
            write_json(directory / chosen.file, spelled)
        if form == "sharegpt":
            write_json(directory / INFO_FILE, {"pgt": DATASET_INFO})


def write_images(row: Mapping[str, Any], number: int, directory: Path) -> list[str]:
    """Write a row's images and return their paths within the directory.

    They are the stored files byte for byte, but where other trainers would see them turned, on black or clipped: these
    become PNG. A file is named by the row's number: an id may hold anything.

    Raises:
        InputError: an image cannot be read or is of a format that is not known, or the row's text holds a mark of these
            trainers' own.
    """
    where = f"row {number} ({row['id']!r})"
    texts = [turn.text for turn in turns(row)]
    if mark := next((mark for mark in MARKS for text in texts if mark in text), None):
        raise InputError(
            f"{where}: its text holds {mark}, for which other trainers look for a file; reword or remove it"
        )
    paths = []
    for place, image in enumerate(row["images"]):
        file = plain_file(image, where)
        path = f"images/{number:06d}{f'-{place}' if place else ''}.{_ending(file, where)}"
        (directory / path).write_bytes(file)
        paths.append(path)
    return paths


def _ending(image: bytes, where: str) -> str:
    if image.startswith(b"RIFF") and image[8:12] == b"WEBP":
        return "webp"
    for beginning, ending in ENDINGS.items():
        if image.startswith(beginning):
            return ending
    raise InputError(f"{where}: an image of an unknown format; convert it to PNG, JPEG, WebP, GIF, BMP or TIFF")
