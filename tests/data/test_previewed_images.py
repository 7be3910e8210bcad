"""The preview shows images as models see them, and names those that cannot be read."""

import base64
import io
import re
from pathlib import Path

import pytest
from PIL import Image

from pgt_lora.core.errors import InputError
from pgt_lora.core.new_directory import new_directory
from pgt_lora.data.directory import write_manifest, write_samples
from pgt_lora.data.preview import write_preview
from pgt_lora.data.sample import Sample
from tests.support.image_files import REFUSED, encoded, exif, picture


def page_of(tmp_path: Path, *images: bytes) -> str:
    sample = Sample("made-1", images, "Which is left?", "red", "made", "relation", "A", "text", "made-1")
    with new_directory(tmp_path / "made") as partial:
        write_manifest(partial, {"seed": 7}, write_samples(partial, [sample]))
    write_preview(tmp_path / "made", tmp_path / "page.html")
    return (tmp_path / "page.html").read_text(encoding="utf-8")


def test_images_are_shown_as_models_see_them(tmp_path: Path) -> None:
    turned = encoded(picture().transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif(6))
    clear = encoded(Image.new("RGBA", (8, 6)), "WEBP", lossless=True)
    page = page_of(tmp_path, turned, clear)
    files = [base64.b64decode(text) for text in re.findall(r'src="data:image/\w+;base64,([^"]+)"', page)]
    shown = [Image.open(io.BytesIO(file)) for file in files]
    assert [each.convert("RGB").tobytes() for each in shown] == [picture().tobytes(), b"\xff" * (8 * 6 * 3)]
    assert not any(each.getexif() for each in shown)
    assert re.findall(r'class="picture.*?title="(.*?)"', page) == ["24 × 16 px", "8 × 6 px"]


def test_small_images_are_enlarged_without_blur(tmp_path: Path) -> None:
    page = page_of(tmp_path, encoded(picture(), "PNG"), encoded(Image.new("RGB", (448, 336)), "PNG"))
    assert re.findall(r'class="(picture.*?)".*?title="(.*?)"', page) == [
        ("picture small", "24 × 16 px"),
        ("picture", "448 × 336 px"),
    ]


@pytest.mark.parametrize("name", ["PNG-cut", "PNG-too-large", "EPS"])
def test_an_image_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="row made-1: its image cannot be read"):
        page_of(tmp_path, REFUSED[name])
