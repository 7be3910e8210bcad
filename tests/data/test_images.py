"""The one decoder, file by file, against `datasets.Image` with the processors' own conversion."""

import io
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pgt_lora.core.errors import InputError
from pgt_lora.data.images import decode, page_file, plain_file, size_px
from tests.support.discovered import FAMILIES, forms, small_processor
from tests.support.image_files import DIFFERENT, REFUSED, SAME, behind_pixels, encoded, exif, picture

NAME = "row made-1"


def stored(file: bytes) -> dict[str, Any]:
    return {"bytes": file, "path": None}


@cache
def image_processors() -> dict[str, Any]:
    """The image processor of every family, one of each kind."""
    every = [small_processor(family, forms(family)[0]).image_processor for family in FAMILIES]
    return {type(each).__name__: each for each in every}


def theirs(file: bytes) -> list[np.ndarray]:
    """Pixels as datasets decodes and each processor converts them, before it resizes."""
    from datasets import Image as Feature

    image = Feature().decode_example(stored(file))
    every = image_processors().values()
    return [each.process_image(image, do_convert_rgb=each.do_convert_rgb).permute(1, 2, 0).numpy() for each in every]


@pytest.mark.slow
def test_the_table_is_as_long_as_it_says() -> None:
    assert len(SAME) >= 60
    assert len(image_processors()) >= 4


@pytest.mark.parametrize("name", SAME)
def test_pixels_are_those_of_datasets_and_the_processors(name: str) -> None:
    decoded = decode(stored(SAME[name]), NAME)
    assert decoded.mode == "RGB"
    for reference in theirs(SAME[name]):
        np.testing.assert_array_equal(np.asarray(decoded), reference)


@pytest.mark.parametrize("name", DIFFERENT)
def test_grays_of_more_than_8_bits_are_scaled_where_others_clip(name: str) -> None:
    file, expected = DIFFERENT[name]
    decoded = decode(stored(file), NAME)
    np.testing.assert_array_equal(np.asarray(decoded), expected)
    assert not any(np.array_equal(expected, reference) for reference in theirs(file))


@pytest.mark.parametrize("name", [*SAME, *DIFFERENT])
def test_headers_say_the_decoded_size(name: str) -> None:
    image = stored(SAME.get(name) or DIFFERENT[name][0])
    decoded = decode(image, NAME)
    assert size_px(image, NAME) == decoded.size == size_px(decoded, NAME)
    assert decode(decoded, NAME).tobytes() == decoded.tobytes()  # nothing is turned twice
    assert page_pixels(image).size == decoded.size


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_one_line_with_the_row(name: str, tmp_path: Path) -> None:
    image = stored(REFUSED[name])
    for read in (decode, page_file):
        with pytest.raises(InputError) as caught:
            read(image, NAME)
        assert str(caught.value).startswith(f"{NAME}: its image cannot be read (")
        assert str(caught.value).endswith("replace the image or leave it out")
        assert "\n" not in str(caught.value)
        assert "object at" not in str(caught.value)
    try:
        assert min(size_px(image, NAME)) > 0
    except InputError as error:
        assert str(error).startswith(f"{NAME}: its image cannot be read (")
    (tmp_path / "image").write_bytes(REFUSED[name])
    with pytest.raises(InputError, match=r"image: its image cannot be read \("):
        decode(tmp_path / "image", str(tmp_path / "image"))


@pytest.mark.parametrize("name", ["PNG-too-large", "PNG-very-much-too-large", "PNG-no-width", "PNG-no-height"])
def test_absurd_sizes_are_refused_by_the_header(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # as other packages do
    with pytest.raises(InputError, match="its image cannot be read"):
        size_px(stored(REFUSED[name]), NAME)
    with pytest.raises(InputError, match="its image cannot be read"):
        decode(stored(REFUSED[name]), NAME)


def test_no_program_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)
    for kind in ("EPS", "PDF"):
        with pytest.raises(InputError, match="not readable as PNG, JPEG"):
            decode(stored(REFUSED[kind]), NAME)
    assert not (tmp_path / "started").exists()


def test_a_phone_photo_is_upright_and_a_figure_stands_on_white() -> None:
    turned = picture().transpose(Image.Transpose.ROTATE_90)
    upright = decode(stored(encoded(turned, "PNG", exif=exif(6))), NAME)
    assert upright.tobytes() == picture().tobytes()
    figure = decode(stored(SAME["PNG-black-on-nothing"]), NAME)
    assert figure.getpixel((0, 0)) == (255, 255, 255)
    assert figure.getpixel((10, 0)) == (0, 0, 0)


def test_sizes_need_no_pixels() -> None:
    file = behind_pixels(encoded(picture(), "PNG", exif=exif(6)))
    assert size_px(stored(file[:140]), NAME) == (16, 24)
    with pytest.raises(InputError, match=NAME):
        decode(stored(file[:140]), NAME)


def page_pixels(image: dict[str, Any]) -> Image.Image:
    """What a browser shows, which turns by EXIF and has no transparency here."""
    from PIL import ImageOps

    shown = Image.open(io.BytesIO(page_file(image, NAME)))
    assert shown.format in ("PNG", "JPEG")
    return ImageOps.exif_transpose(shown).convert("RGB")


@pytest.mark.parametrize("name", [*SAME, *DIFFERENT])
def test_pages_show_what_models_see(name: str) -> None:
    image = stored(SAME.get(name) or DIFFERENT[name][0])
    shown = np.asarray(page_pixels(image)).astype(int)
    off = np.abs(shown - np.asarray(decode(image, NAME)))
    lossy = Image.open(io.BytesIO(image["bytes"])).format in ("JPEG", "MPO")  # written again at quality 95
    assert off.mean() < (3 if lossy else 1e-9)


def test_pages_keep_the_stored_file_where_it_is_plain() -> None:
    for name in ("PNG-RGB", "JPEG-RGB", "PNG-L", "PNG-P", "JPEG-L", "JPEG-turn-1"):
        assert page_file(stored(SAME[name]), NAME) == SAME[name]
    for name in ("PNG-RGBA", "JPEG-turn-6", "PNG-turn-behind-pixels", "PNG-animated", "JPEG-CMYK", "WEBP-RGB"):
        assert page_file(stored(SAME[name]), NAME) != SAME[name]


@pytest.mark.parametrize("name", [*SAME, *DIFFERENT])
def test_a_plain_file_looks_alike_to_everybody(name: str) -> None:
    image = stored(SAME.get(name) or DIFFERENT[name][0])
    file = plain_file(image, NAME)
    naive = Image.open(io.BytesIO(file)).convert("RGB")
    np.testing.assert_array_equal(np.asarray(naive), np.asarray(decode(image, NAME)))
    assert file == image["bytes"] or file.startswith(b"\x89PNG")
    if name in ("PNG-RGB", "JPEG-RGB", "JPEG-turn-1", "JPEG-CMYK", "WEBP-RGB", "GIF-P", "PNG-animated"):
        assert file == image["bytes"]


@pytest.mark.parametrize("image", [{"bytes": None, "path": None}, {"bytes": None, "path": "a.png"}, {"path": "a.png"}])
def test_a_row_without_bytes_is_named(image: dict[str, Any]) -> None:
    for read in (decode, size_px):
        with pytest.raises(InputError, match=f"^{NAME}: its image cannot be read"):
            read(image, NAME)
