"""Qwen2-VL and LLaVA-OneVision, where they differ from what the families before them had in common."""

import io
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from pgt_lora.core.plugins import discover
from pgt_lora.models.cached_encoder import FEATURES_FILE, read
from pgt_lora.models.encoding import Encoder
from pgt_lora.models.families.template import answer_prefix, around_answer, end_token
from pgt_lora.models.feature_cache import num_bytes, write
from pgt_lora.models.lengths import measure
from pgt_lora.models.published import PUBLISHED, build_config
from pgt_lora.models.transformers_internals import FEATURES, num_image_tokens
from pgt_lora.tiny.processors import tiny_module
from pgt_lora.training.dry_run.memory import dimensions
from tests.support.discovered import published_processor, small_model, small_processor

FAMILIES = discover("pgt_lora.models.families", "FAMILY")
NEW = ("qwen2_vl", "llava_onevision")
SIZES = ((112, 112), (112, 230), (448, 448))  # of the last, LLaVA-OneVision scales sixteen tiles down to nine


@pytest.fixture(params=NEW)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    return Encoder(FAMILIES[request.param], small_processor(request.param))


def row(*images: int) -> dict[str, Any]:
    """A row with images of some of the sizes."""
    files = []
    for index in images:
        image = Image.effect_noise(SIZES[index], 90).convert("RGB")
        files.append({"bytes": png(image), "path": None})
    return {
        "id": f"row-{images}",
        "images": files,
        "prompt": [{"role": "user", "content": "Where is the red box?"}],
        "completion": [{"role": "assistant", "content": "above"}],
    }


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


ROWS = [row(0), row(0, 2), row(1), row(1, 2, 0), row(2)]


def test_lengths_of_several_images_are_the_encoders(encoder: Encoder) -> None:
    batches = [encoder.training_batch([each]) for each in ROWS]
    lengths = measure(encoder, ROWS)
    assert [length.total for length in lengths] == [batch["input_ids"].shape[1] for batch in batches]
    placeholder = encoder.processor.tokenizer.convert_tokens_to_ids(encoder.processor.image_token)
    assert [length.image for length in lengths] == [int((batch["input_ids"] == placeholder).sum()) for batch in batches]
    # Among others, an image of LLaVA-OneVision is one view with one newline, whatever its size.
    if encoder.family.name == "llava_onevision":
        assert [length.image for length in lengths] == [105, 2 * 50, 49 + 14 * 8, 3 * 50, 49 + 21 * 22]


@pytest.mark.slow
def test_several_images_are_cached_as_the_model_takes_them(encoder: Encoder, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = tiny_module(encoder.family.name).build_model(encoder.processor).eval()
    write(tmp_path, model, encoder, ROWS, measure(encoder, ROWS))
    size = (tmp_path / FEATURES_FILE).stat().st_size
    assert size == num_bytes(model, measure(encoder, ROWS))
    found = read(tmp_path, model, encoder)
    for part in (ROWS, ROWS[1:4], ROWS[::2]):
        usual, from_cache = encoder.training_batch(part), found.training_batch(part)
        assert set(usual) - {"pixel_values"} == set(from_cache) - {FEATURES}
        assert all(torch.equal(usual[key], from_cache[key]) for key in set(usual) - {"pixel_values"})
        with torch.inference_mode():
            torch.testing.assert_close(model(**from_cache).logits, model(**usual).logits)


def test_answers_follow_the_generation_prompt_and_end_as_the_template_says(encoder: Encoder) -> None:
    processor = encoder.processor
    assert (end_token(encoder.family, processor), answer_prefix(encoder.family, processor)) == ("<|im_end|>", "")
    assert encoder.prompt_text(row(0)).endswith("<|im_start|>assistant\n")
    before, _ = around_answer(processor)
    # The published template has a space more here than where an answer is generated.
    assert before.endswith("assistant \n") == (encoder.family.name == "llava_onevision")


@pytest.mark.parametrize(
    ("name", "size", "tokens"),
    [
        ("Qwen/Qwen2-VL-2B-Instruct", (448, 448), 256),
        ("Qwen/Qwen2-VL-7B-Instruct", (449, 300), 16 * 11),
        ("llava-hf/llava-onevision-qwen2-0.5b-ov-hf", (384, 384), 729 + 27 * 28),
        ("llava-hf/llava-onevision-qwen2-0.5b-ov-hf", (448, 448), 729 + 54 * 55),
        ("llava-hf/llava-onevision-qwen2-7b-ov-hf", (2304, 2304), 729 + 81 * 82),
    ],
)
def test_published_processors_cut_images_as_published(name: str, size: tuple[int, int], tokens: int) -> None:
    assert num_image_tokens(published_processor(name), size) == tokens


@pytest.mark.parametrize(("name", "widths"), [("qwen2_vl", (1280, 5120)), ("llava_onevision", (1152, 4304))])
def test_the_towers_dimensions_are_read_off_its_blocks(name: str, widths: tuple[int, int]) -> None:
    from transformers import AutoModelForImageTextToText

    published = next(each for each in PUBLISHED.values() if each.family == name)
    with torch.device("meta"):
        found = dimensions(AutoModelForImageTextToText.from_config(build_config(published)))
    assert (found.vision_hidden, found.vision_mlp) == widths


def test_the_small_models_have_every_part_of_the_published_ones() -> None:
    for name in NEW:
        small = small_model(name)
        published = next(each for each in PUBLISHED.values() if each.family == name)
        assert small.config.model_type == published.model_type == FAMILIES[name].model_type
        assert small.num_parameters() < 2_000_000
