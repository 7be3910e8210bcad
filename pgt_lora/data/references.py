"""Images by reference: where a photograph lies, its digest, and what is drawn over it whenever it is read.

What is drawn is encoded as a dataset with pixels would store it, so that both hold the same bytes, and a model sees the
same pixels.
"""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from pgt_lora.core.errors import InputError
from pgt_lora.data.images import decode
from pgt_lora.data.scene import Scene, render

REFERENCES = "image_refs"  # the column that a plan has in the place of `images`, which other trainers look for
MESSAGES = "turns"  # where `messages` stand there: TRL would train on them without a single image
FIELDS = ("path", "bytes", "sha256", "overlay")
PNG = b"\x89PNG\r\n\x1a\n"
JPEG_QUALITY = 95


def reference(data: bytes, path: str | None, *, is_file: bool = False) -> dict[str, Any]:
    """Return the reference to an image: to the file at `path`, or with its bytes, where `path` is but its name."""
    digest = hashlib.sha256(data).hexdigest()
    return {"path": path, "bytes": None if is_file else data, "sha256": digest, "overlay": None}


def read_photograph(reference: Mapping[str, Any], root: Path, where: str) -> bytes:
    """Return the photograph that a reference means, as a file; `root` is where its path begins, `where` names the row.

    Raises:
        InputError: it is missing, or is another one than it was.
    """
    data: bytes | None = reference["bytes"]
    place = where if data is not None else f"{root / reference['path']}: {where}"
    if data is None:
        try:
            data = (root / reference["path"]).read_bytes()
        except OSError as error:
            raise InputError(
                f"{place}: its photograph cannot be read ({error.strerror}); restore it, or make the dataset again"
            ) from error
    if hashlib.sha256(data).hexdigest() != reference["sha256"]:
        raise InputError(
            f"{place}: its photograph has changed since the dataset was made; restore it, or make the dataset again"
        )
    return data


def read_image(reference: Mapping[str, Any], root: Path, where: str) -> dict[str, Any]:
    """Return the image that a reference means, drawn over where it says so, as rows hold images.

    Raises:
        InputError: as `read_photograph`, or the photograph cannot be decoded.
    """
    data = read_photograph(reference, root, where)
    if reference["overlay"] is None:
        return {"bytes": data, "path": reference["path"]}
    picture = render(Scene.from_json(reference["overlay"]), decode({"bytes": data}, where))
    return {"bytes": encoded(picture, data), "path": None}


def encoded(picture: Image.Image, source: bytes) -> bytes:
    """Return a picture as a file: PNG where the photograph's was one, else JPEG without subsampled colors."""
    file = io.BytesIO()
    if source.startswith(PNG):
        picture.save(file, "PNG")
    else:
        picture.save(file, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return file.getvalue()
