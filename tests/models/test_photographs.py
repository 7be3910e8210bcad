"""Photographs as phones and hosts give them: every family sees them upright, and one line names what it refuses."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from pgt_lora.core.errors import InputError
from pgt_lora.core.new_directory import new_directory
from pgt_lora.data.checked_images import checked_images
from pgt_lora.data.directory import open_dataset, write_manifest, write_samples
from pgt_lora.data.sample import Sample
from pgt_lora.evaluation.evaluate import Generation, evaluate
from pgt_lora.models.encoding import Encoder
from pgt_lora.models.lengths import measure
from tests.support.discovered import CASE_NAMES, CASES, FAMILIES, small_processor
from tests.support.image_files import REFUSED, SAME, encoded, exif

QWEN = [name for name in FAMILIES if name.startswith("qwen")]


@pytest.fixture(scope="module", params=CASES, ids=CASE_NAMES)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    """An encoder of each family and chat format."""
    name, form = request.param
    return Encoder(FAMILIES[name], small_processor(name, form))


def row(name: str, *files: bytes) -> dict[str, Any]:
    return {
        "id": name,
        "images": [{"bytes": file, "path": None} for file in files],
        "prompt": [{"role": "user", "content": "Which is left?"}],
        "completion": [{"role": "assistant", "content": "the box"}],
    }


def photograph() -> Image.Image:
    noise = Image.effect_noise((260, 90), 90).convert("RGB")
    noise.paste((255, 0, 0), (0, 0, 60, 40))
    return noise


def test_a_turned_photograph_is_the_upright_one(encoder: Encoder) -> None:
    upright = photograph()
    turned = upright.transpose(Image.Transpose.ROTATE_90)
    rows = [row("upright", encoded(upright, "PNG")), row("turned", encoded(turned, "PNG", exif=exif(6)))]
    left, right = (encoder.training_batch([each]) for each in rows)
    assert left.keys() == right.keys()
    assert all(torch.equal(left[name], right[name]) for name in left)
    jpegs = [row(f"turn-{turn}", encoded(upright, "JPEG", exif=exif(turn))) for turn in (1, 3, 5, 6, 8)]
    jpegs.append(row("two", *(each["images"][0]["bytes"] for each in jpegs[:4:3])))
    lengths = measure(encoder, jpegs)
    assert [each.total for each in lengths] == [encoder.training_batch([each])["input_ids"].shape[1] for each in jpegs]
    assert encoder.processor.image_processor.do_convert_rgb


@pytest.mark.parametrize("name", QWEN)
@pytest.mark.parametrize("size", [(300, 1), (1, 300), (2001, 10)])
def test_a_strip_that_qwen_refuses_is_named_by_row(name: str, size: tuple[int, int]) -> None:
    encoder = Encoder(FAMILIES[name], small_processor(name))
    rows = [row("good", SAME["PNG-RGB"]), row("strip", encoded(Image.new("RGB", size), "PNG"))]
    said = rf"^row strip: its image of {size[0]}x{size[1]} pixels is refused by the processor: .*200.*leave it out$"
    for read in (encoder.prompts, encoder.training_batch, lambda each: measure(encoder, each)):
        with pytest.raises(InputError, match=said):
            read(rows)
    with pytest.raises(InputError, match=r"^row both: its image of"):
        measure(encoder, [row("both", SAME["PNG-RGB"], encoded(Image.new("RGB", size), "PNG"))])
    assert len(measure(encoder, [row("just", encoded(Image.new("RGB", (200, 1)), "PNG"))])) == 1


@pytest.mark.parametrize(
    "name", ["JPEG-cut", "PNG-text", "PNG-text-behind-pixels", "PNG-too-large", "EPS", "TIFF-float"]
)
def test_what_cannot_be_decoded_ends_a_run_before_it_starts(name: str, tmp_path: Path) -> None:
    samples = [
        Sample(row_id, (file,), "Which is left?", "red", "made", "relation", "A", "text", row_id)
        for row_id, file in (("good", SAME["PNG-RGB"]), ("bad", REFUSED[name]))
    ]
    data = tmp_path / "data"
    with new_directory(data) as partial:
        write_manifest(partial, {}, write_samples(partial, samples))
    rows, said = open_dataset(data), f"^{data}: row bad: its image cannot be read"
    with pytest.raises(InputError, match=said):
        list(checked_images(rows, data))
    assert len(list(checked_images(rows.select([0]), data))) == 1
    model: Any = None  # none is asked
    with pytest.raises(InputError, match=said):
        evaluate(model, model, data, tmp_path / "out", name="none", generation=Generation(4, 2))
    assert not (tmp_path / "out").exists()
