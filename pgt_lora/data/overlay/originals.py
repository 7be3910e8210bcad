"""The rows that are drawn over: a dataset's, as conversations, or a folder of photographs without a question."""

from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.data.mix.pools import sources_of
from pgt_lora.data.readers.build import NO_LICENCE
from pgt_lora.data.readers.named import as_directory
from pgt_lora.data.turns import Form, to_form

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")


class Originals(Protocol):
    """Rows by their places; `facts` are what the manifest says of them, `sources` their sources and licences."""

    ids: list[str]
    facts: dict[str, Any]
    sources: dict[str, Any]

    def row(self, index: int) -> dict[str, Any]:
        """Return a conversation with its columns; it has no turns where nothing was ever asked."""


class Dataset:
    """The rows of a dataset directory."""

    def __init__(self, path: Path) -> None:
        manifest = read_manifest(path)
        self.rows = open_dataset(path)
        self.ids: list[str] = list(self.rows["id"])
        self.facts = {"of": path.resolve().name, "of_hash": manifest["content_hash"]}
        self.sources = sources_of(manifest)

    def row(self, index: int) -> dict[str, Any]:
        """Return a row as a conversation."""
        return dict(to_form(self.rows[index], Form.CONVERSATIONS))


class Photographs:
    """The images of a folder, each an original without a question."""

    def __init__(self, folder: Path) -> None:
        self.files = {path.relative_to(folder).as_posix(): path for path in files_in(folder)}
        self.ids, self.name = list(self.files), folder.resolve().name
        self.facts = {"of": self.name}
        self.sources = {self.name: {"licence": NO_LICENCE}}

    def row(self, index: int) -> dict[str, Any]:
        """Return a row that shows an image, and asks nothing."""
        name = self.ids[index]
        try:
            data = self.files[name].read_bytes()
        except OSError as error:
            raise InputError(f"{self.files[name]}: cannot be read ({error.strerror}); mend or remove it") from error
        return {
            "id": name, "images": [{"bytes": data, "path": name}], "messages": [], "source": self.name, "group": name,
        }  # fmt: skip


def files_in(folder: Path) -> list[Path]:
    """Return all files of a folder, in the order of their names, but for hidden ones."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


def place_of(name: str) -> Path:
    """Return where the rows are that a name means: a folder in which nothing but images lies, or a dataset directory.

    Raises:
        InputError: there is no such data, or it cannot be read.
    """
    path = Path(name)
    return path if path.is_dir() and _is_photographs(path) else as_directory(name)


@lru_cache(maxsize=1)
def originals(place: Path) -> Originals:
    """Return the rows at a place, opened once in a process."""
    return Photographs(place) if _is_photographs(place) else Dataset(place)


def _is_photographs(folder: Path) -> bool:
    files = files_in(folder)
    return bool(files) and all(path.suffix.lower() in SUFFIXES for path in files)
