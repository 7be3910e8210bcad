"""Sequence lengths from text and image headers, against what the encoder makes of the same rows."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import open_dataset
from pgt_lora.models.encoding import Encoder
from pgt_lora.models.lengths import measure
from pgt_lora.models.published import PUBLISHED
from pgt_lora.models.transformers_internals import num_image_tokens
from tests.support.discovered import CASE_NAMES, CASES, FAMILIES, published_processor, small_processor

IMAGE_SIZES = ((112, 112), (112, 230), (300, 100), (448, 448), (37, 500), (640, 480))


def row(index: int) -> dict[str, Any]:
    size = IMAGE_SIZES[index % len(IMAGE_SIZES)]
    return {
        "id": f"row-{index}",
        "images": [Image.effect_noise(size, 90).convert("RGB")],
        "prompt": [{"role": "user", "content": f"Where is the red box? {'Think twice. ' * index}".strip()}],
        "completion": [{"role": "assistant", "content": ("above", "B", "12", "True", "(0.32, 0.57)")[index % 5]}],
    }


@pytest.fixture(scope="module", params=CASES, ids=CASE_NAMES)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    """An encoder of each family and chat format, with the small models' own tokenizers and tiles."""
    name, form = request.param
    return Encoder(FAMILIES[name], small_processor(name, form))


def test_lengths_are_the_encoders(encoder: Encoder) -> None:
    rows = [row(index) for index in range(2 * len(IMAGE_SIZES))]
    batches = [encoder.training_batch([each]) for each in rows]
    lengths = measure(encoder, rows)
    assert [length.total for length in lengths] == [batch["input_ids"].shape[1] for batch in batches]
    assert [length.supervised for length in lengths] == [int((batch["labels"] != -100).sum()) for batch in batches]
    assert len({length.image for length in lengths}) > 1
    placeholder = encoder.processor.tokenizer.convert_tokens_to_ids(encoder.processor.image_token)
    markers = 2 if encoder.family.name == "internvl3" else 0
    counted = [int((batch["input_ids"] == placeholder).sum()) + markers for batch in batches]
    assert [length.image for length in lengths] == counted


def test_no_pixel_is_decoded(encoder: Encoder, data_dir: Path) -> None:
    rows = list(open_dataset(data_dir))[:4]
    whole = measure(encoder, rows)
    cut = [each | {"images": [{"bytes": each["images"][0]["bytes"][:64], "path": None}]} for each in rows]
    assert measure(encoder, cut) == whole
    with pytest.raises(InputError, match=f"row {rows[0]['id']}: its image cannot be read"):
        measure(encoder, [cut[0] | {"images": [{"bytes": b"no image", "path": None}]}])


@pytest.mark.parametrize(
    ("name", "size", "tokens"),
    [
        ("Qwen/Qwen2.5-VL-3B-Instruct", (448, 448), 256),
        ("Qwen/Qwen2.5-VL-3B-Instruct", (449, 300), 16 * 11),
        ("Qwen/Qwen2.5-VL-3B-Instruct", (28, 28), 4),
        ("Qwen/Qwen2.5-VL-3B-Instruct", (8000, 8000), 16384),
        ("Qwen/Qwen3-VL-4B-Instruct", (448, 448), 14 * 14),
        ("OpenGVLab/InternVL3-8B-hf", (448, 448), 256 + 2),
        ("OpenGVLab/InternVL3-8B-hf", (896, 896), 5 * 256 + 2),
        ("OpenGVLab/InternVL3-8B-hf", (896, 448), 3 * 256 + 2),
        ("llava-hf/llava-v1.6-vicuna-7b-hf", (336, 336), 1176),
        ("llava-hf/llava-v1.6-vicuna-7b-hf", (448, 448), 2928),
        ("llava-hf/llava-v1.6-vicuna-7b-hf", (672, 336), 576 + 24 * 48 + 24),
    ],
)
def test_published_processors_cut_images_as_published(name: str, size: tuple[int, int], tokens: int) -> None:
    published = PUBLISHED[name]
    encoder = Encoder(FAMILIES[published.family], published_processor(name))
    assert num_image_tokens(encoder.processor, size) == tokens
    sample = row(0) | {"images": [Image.new("RGB", size)]}
    if max(size) < 1000:
        (length,) = measure(encoder, [sample])
        assert length.total == encoder.training_batch([sample])["input_ids"].shape[1]


def test_several_images_are_counted_and_encoded(encoder: Encoder) -> None:
    rows = [
        row(0) | {"images": [row(index)["images"][0] for index in indices]} for indices in ((0,), (0, 3), (1, 2, 0))
    ]
    lengths = measure(encoder, rows)
    batches = [encoder.training_batch([sample]) for sample in rows]
    assert [length.total for length in lengths] == [batch["input_ids"].shape[1] for batch in batches]
    image = encoder.processor.tokenizer.convert_tokens_to_ids(encoder.processor.image_token)
    placeholders = [int((batch["input_ids"] == image).sum()) for batch in batches]
    assert all(length.image >= number for length, number in zip(lengths, placeholders, strict=True))
    assert lengths[0].image == num_image_tokens(encoder.processor, IMAGE_SIZES[0])


@pytest.mark.parametrize("size", IMAGE_SIZES)
def test_qwens_own_package_cuts_images_the_same_way(size: tuple[int, int]) -> None:
    """The package resizes images itself, before the processor does: here it only says to which size."""
    from qwen_vl_utils import smart_resize

    published = PUBLISHED["Qwen/Qwen2.5-VL-3B-Instruct"]
    encoder = Encoder(FAMILIES["qwen2_5_vl"], published_processor("Qwen/Qwen2.5-VL-3B-Instruct"))
    limits = {key: published.image_processor[key] for key in ("min_pixels", "max_pixels")}
    height, width = smart_resize(size[1], size[0], 28, **limits)
    assert num_image_tokens(encoder.processor, size) == (height // 28) * (width // 28)


def test_bytes_are_an_upper_bound(encoder: Encoder) -> None:
    checkpoints = {(published.family, published.form): checkpoint for checkpoint, published in PUBLISHED.items()}
    family, template = encoder.family.name, encoder.processor.chat_template
    for (name, form), checkpoint in checkpoints.items():
        if name == family and small_processor(name, form).chat_template == template:
            counted = Encoder(encoder.family, published_processor(checkpoint))
            for mine, theirs in zip(
                measure(encoder, map(row, range(6))), measure(counted, map(row, range(6))), strict=True
            ):
                assert mine.prompt < theirs.prompt
                assert mine.supervised <= theirs.supervised
                assert theirs.prompt >= len("Where is the red box?")
            return
    pytest.fail(f"no published checkpoint has the chat format of {family}")
