"""The rows that are drawn over: a dataset's, as conversations, or a folder of photographs without a question."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import IMAGE_ROOT, MANIFEST, open_dataset, read_manifest
from pgt_lora.data.limit import nested
from pgt_lora.data.mix.terms import drawn_sources
from pgt_lora.data.parquet import parquet_files, stored_columns
from pgt_lora.data.readers.build import NO_LICENSE
from pgt_lora.data.readers.named import as_directory
from pgt_lora.data.readers.tables import KINDS
from pgt_lora.data.references import FIELDS, REFERENCES, reference
from pgt_lora.data.turns import Form, to_form

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")


class Originals(Protocol):
    """Rows by their places, with their images by reference, whose paths begin at `root`.

    `facts` are what the manifest says of them. Where nothing was ever asked, `are_asked` is false; rows have no turns.
    """

    root: Path
    facts: dict[str, Any]
    are_asked: bool

    def __len__(self) -> int:
        """Return the number of rows."""

    def id(self, index: int) -> str:
        """Return the id of a row, of which nothing else is read."""

    def row(self, index: int) -> dict[str, Any]:
        """Return a conversation with its columns."""

    def sources(self, counts: Mapping[str, int]) -> dict[str, Any]:
        """Return the sources and their licenses, given how many rows with each `source` were written."""


class Dataset:
    """The rows of a dataset directory."""

    are_asked = True

    def __init__(self, path: Path) -> None:
        manifest = read_manifest(path)
        self.rows = open_dataset(path, read_images=False)
        self.ids = self.rows.select_columns(["id"])
        self.by_reference = stored_columns(parquet_files(path)[0])[1]
        self.path, self.root = path, Path(manifest.get(IMAGE_ROOT, ""))
        self.facts = {"of": path.resolve().name, "of_hash": manifest["content_hash"]}

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def id(self, index: int) -> str:
        """Return the id of a row."""
        return str(self.ids[index]["id"])

    def row(self, index: int) -> dict[str, Any]:
        """Return a row as a conversation; what is drawn over already stays in its reference."""
        row = dict(to_form(self.rows[index], Form.CONVERSATIONS))
        return row | {REFERENCES: [self._reference(each) for each in row.pop("images")]}

    def sources(self, counts: Mapping[str, int]) -> dict[str, Any]:
        """Return the sources that the directory lists."""
        return drawn_sources([(self.path, counts)])

    def _reference(self, image: dict[str, Any]) -> dict[str, Any]:
        if self.by_reference:
            return {field: image[field] for field in FIELDS}
        return reference(image["bytes"], image["path"])


class Photographs:
    """The images of a folder, each an original without a question."""

    are_asked = False

    def __init__(self, folder: Path) -> None:
        self.root, self.name = folder.resolve(), folder.resolve().name
        self.ids = [path.relative_to(folder).as_posix() for path in files_in(folder)]
        # By their names: a photograph that was mended is no other source, and has its own digest.
        self.facts = {"of": self.name, "of_hash": hashlib.sha256("\n".join(self.ids).encode()).hexdigest()}

    def __len__(self) -> int:
        """Return the number of files."""
        return len(self.ids)

    def id(self, index: int) -> str:
        """Return the name of a file within the folder."""
        return self.ids[index]

    def row(self, index: int) -> dict[str, Any]:
        """Return a row that shows an image, and asks nothing."""
        name = self.ids[index]
        try:
            data = (self.root / name).read_bytes()
        except OSError as error:
            raise InputError(f"{self.root / name}: cannot be read ({error.strerror}); fix or remove it") from error
        image = reference(data, name, is_file=True)
        return {"id": name, REFERENCES: [image], "messages": [], "source": self.name, "group": name}

    def sources(self, counts: Mapping[str, int]) -> dict[str, Any]:
        """Return the folder as the one source, whose license nobody has named."""
        return {self.name: {"license": NO_LICENSE, "drawn": counts.get(self.name, 0)}}


def files_in(folder: Path) -> list[Path]:
    """Return all files of a folder, in the order of their names, but for hidden ones."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


def place_of(name: str, limit: int | None = None) -> Path:
    """Return where the rows are that a name means: a folder in which nothing but images lies, or a dataset directory.

    With a `limit`, no more rows than that are imported, where they have to be.

    Raises:
        InputError: there is no such data, or it cannot be read.
    """
    path = Path(name)
    files = files_in(path) if path.is_dir() else []
    others = [file for file in files if file.suffix.lower() not in SUFFIXES]
    if files and not others:
        return path
    if len(others) < len(files) and not any(file.suffix.lower() in KINDS or file.name == MANIFEST for file in others):
        raise InputError(f"{others[0]}: is no image; move it out of {path}, and its photographs can be drawn over")
    return as_directory(name, by_reference=True, limit=limit)


@lru_cache(maxsize=1)
def originals(place: Path) -> Originals:
    """Return the rows at a place, opened once in a process."""
    return Photographs(place) if _is_photographs(place) else Dataset(place)


@lru_cache(maxsize=1)
def taken(place: Path, limit: int | None) -> Sequence[int]:
    """Return the places of the rows that are taken, in their order: so many, or all."""
    rows = originals(place)
    return range(len(rows)) if limit is None else nested(map(rows.id, range(len(rows))), limit)


def _is_photographs(folder: Path) -> bool:
    files = files_in(folder)
    return bool(files) and all(path.suffix.lower() in SUFFIXES for path in files)
