"""Images as rows name them: bytes, paths beside the rows or in another folder, data URLs, and addresses."""

import base64
import binascii
import hashlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.data import fetch
from pgt_lora.data.images import decode
from pgt_lora.data.mix.images import Shelf, kept, local_paths
from pgt_lora.data.readers.values import Unreadable, is_given, shortened
from pgt_lora.data.references import REFERENCES, reference
from pgt_lora.data.sources.folders import stored
from pgt_lora.data.sources.source import ImageRef, inner_path


@dataclass(frozen=True)
class Picture:
    """An encoded image: its bytes, or the file that it lies in, or its address. `name` is what its row calls it.

    `shared` says that it is one of a store that many datasets draw on; its path is that in the cache, also before it is
    fetched.
    """

    name: str | None
    data: bytes | None = None
    path: Path | None = None
    url: str | None = None
    shared: ImageRef | None = None


@dataclass(frozen=True)
class Album:
    """Where images are found that rows name by a path: in the rows' own `folder`, then in `root`.

    Rows that are not of this machine have no folder, and their paths do not lead out of `root`. What has an address is
    fetched into `cache`. Where there is no `root`, what is not here and is named as LLaVA names the images of other
    datasets is looked for in the cache, too: `obtain` puts it there, or says in `problems` why not. `wait(seconds)`
    passes the time between tries.
    """

    folder: Path | None
    root: Path | None
    cache: Path
    wait: fetch.Wait = time.sleep
    problems: Mapping[ImageRef, str] = field(default_factory=dict)

    def find(self, named: Any) -> Picture:
        """Return an image that a row names; nothing is opened or fetched yet.

        Raises:
            Unreadable: there is no such file, or this is nothing that names an image.
        """
        if isinstance(named, bytes):
            return Picture(None, data=named)
        if isinstance(named, dict):
            data, path = named.get("bytes"), named.get("path")
            if is_given(data):
                if not isinstance(data, bytes) or not isinstance(path, str | None):
                    raise Unreadable(f"its image is {shortened(named)}; bytes and a path are needed")
                return Picture(path, data=data)
            named = named.get("path") or named.get("url")
        if not isinstance(named, str) or not named:
            raise Unreadable(f"its image is {shortened(named)}, which is neither a path nor a file's bytes")
        if named.startswith("data:"):
            return Picture(None, data=_of_data_url(named))
        if named.startswith(("http://", "https://")):
            return Picture(named, url=named)
        return self._file(named, named.removeprefix("file://"))

    def _file(self, name: str, named: str) -> Picture:
        folders = [folder for folder in (self.folder, self.root) if folder is not None]
        if self.folder is None:
            try:
                inner_path(named, "its image")
            except InputError as error:
                raise Unreadable(str(error)) from error
        places = [folder / named for folder in folders]
        shared = stored(named)
        if shared is not None and self.root is not None:
            places += [self.root / place for place in local_paths(shared)]
        try:
            path = next((place for place in places if place.is_file()), None)
        except (OSError, ValueError):  # a name that no file can have
            path = None
        if path is not None:
            return Picture(name, path=path)
        if shared is not None and self.root is None:
            return Picture(name, path=kept(shared, Shelf(self.cache)), shared=shared)
        if several := _listed(named):
            raise Unreadable(f"its images {shortened(named)} are one text; write a JSON list: {several}")
        tried = " or ".join(str(place.parent) for place in places[: len(folders)]) or "the dataset"
        raise Unreadable(f"its image {shortened(named)} is not in {tried}; pass --image-root")

    def read(self, picture: Picture) -> bytes:
        """Return the bytes of an image, fetched where it has an address and is not in the cache.

        Raises:
            Unreadable: the host has no such file.
            InputError: the host cannot be reached.
        """
        if picture.data is not None:
            return picture.data
        path = picture.path or self._fetched(str(picture.url))
        if picture.shared is not None and not path.is_file():
            problem = self.problems.get(picture.shared, "it was not fetched")
            raise Unreadable(f"its image {shortened(picture.name)} cannot be had ({problem}); pass --image-root")
        try:
            return path.read_bytes()
        except OSError as error:
            raise Unreadable(f"its image {path} cannot be read ({error.strerror})") from error

    def check(self, picture: Picture) -> str | Unreadable:
        """Return the digest of an image's pixels, or why it cannot be read.

        Raises:
            InputError: a host cannot be reached, which is not the row's fault.
        """
        try:
            data = self.read(picture)
        except Unreadable as error:
            return error
        try:
            pixels = decode({"bytes": data}, str(picture.name or "an image in the row"))
        except InputError as error:
            if picture.url is not None:
                self._place(picture.url).unlink()  # or it would be taken for fetched the next time
            return Unreadable(str(error))
        return hashlib.sha256(f"{pixels.size} ".encode() + pixels.tobytes()).hexdigest()

    def _fetched(self, url: str) -> Path:
        path = self._place(url)
        if not path.is_file():
            try:
                fetch.download(url, path, self.wait)
            except fetch.Missing as error:
                raise Unreadable(f"its image {url} cannot be had ({error})") from error
        return path

    def _place(self, url: str) -> Path:
        return self.cache / "urls" / hashlib.sha256(url.encode()).hexdigest()


def _listed(named: str) -> str | None:
    """Return file names that are separated by commas or semicolons as a JSON list; None where it is one name."""
    names = [name.strip() for name in re.split("[,;]", named)]
    are_files = len(names) > 1 and all(Path(name).suffix for name in names)
    return json.dumps(names, ensure_ascii=False) if are_files else None


def refer(row: dict[str, Any], pictures: Sequence[Picture], root: Path) -> dict[str, Any]:
    """Return a row that refers to its images where they are files, by their paths from `root` if they lie in it."""
    references = []
    for image, picture in zip(row["images"], pictures, strict=True):
        name = image["path"]
        if picture.path is not None:
            path = picture.path.resolve()
            name = str(path.relative_to(root) if path.is_relative_to(root) else path)
        references.append(reference(image["bytes"], name, is_file=picture.path is not None))
    return {name: value for name, value in row.items() if name != "images"} | {REFERENCES: references}


def _of_data_url(url: str) -> bytes:
    head, _, body = url.partition(",")
    if not head.endswith(";base64"):
        raise Unreadable("its image is a data URL that is not of base64")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unreadable(f"its image is a broken data URL ({error})") from error
