"""Where LoRA sits, and how much of it, on the published architectures: built on the meta device, without weights."""

import re

import pytest
import torch

from pgt_lora.core.plugins import discover
from pgt_lora.models.placement import check_placement
from pgt_lora.models.published import PUBLISHED, build_config

ADAPTERS = discover("pgt_lora.models.families", "ADAPTER")

# All weights in billions, as the Hub says; and the trainable parameters with r = 8, counted by hand.
SIZES = {
    "Qwen/Qwen2-VL-2B-Instruct": (2.21, 1_490_944),
    "Qwen/Qwen2-VL-7B-Instruct": (8.29, 3_440_640),
    "Qwen/Qwen2.5-VL-3B-Instruct": (3.75, 2_506_752),
    "Qwen/Qwen2.5-VL-7B-Instruct": (8.29, 3_440_640),
    "Qwen/Qwen2.5-VL-32B-Instruct": (33.45, 11_534_336),
    "Qwen/Qwen2.5-VL-72B-Instruct": (73.41, 22_282_240),
    "Qwen/Qwen3-VL-4B-Instruct": (4.44, 3_981_312),
    "OpenGVLab/InternVL3-1B-hf": (0.94, 737_280),
    "OpenGVLab/InternVL3-2B-hf": (2.09, 1_490_944),
    "OpenGVLab/InternVL3-8B-hf": (7.94, 3_440_640),
    "OpenGVLab/InternVL3-14B-hf": (15.12, 8_650_752),
    "llava-hf/llava-v1.6-vicuna-7b-hf": (7.06, 6_291_456),
    "llava-hf/llava-v1.6-mistral-7b-hf": (7.57, 4_718_592),
    "llava-hf/llama3-llava-next-8b-hf": (8.36, 4_718_592),
    "llava-hf/llava-onevision-qwen2-0.5b-ov-hf": (0.89, 737_280),
    "llava-hf/llava-onevision-qwen2-7b-ov-hf": (8.03, 3_440_640),
}


def test_every_published_checkpoint_has_its_size_here() -> None:
    assert set(PUBLISHED) == set(SIZES)


@pytest.mark.parametrize("name", SIZES)
def test_lora_on_the_published_architectures(name: str) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText

    billions, trainable = SIZES[name]
    adapter = ADAPTERS[PUBLISHED[name].family]
    config = build_config(PUBLISHED[name])
    assert config.model_type == adapter.model_type
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(config)
    # The configuration is the published one: the model has its size.
    assert sum(p.numel() for p in model.parameters()) / 1e9 == pytest.approx(billions, abs=0.01)
    layers = config.get_text_config().num_hidden_layers
    names = {name for name, _ in model.named_modules() if re.fullmatch(adapter.lora_targets, name)}
    assert names == {f"model.language_model.layers.{i}.self_attn.{kind}_proj" for i in range(layers) for kind in "qkv"}

    with torch.device("meta"):
        peft_model = get_peft_model(model, LoraConfig(r=8, lora_alpha=32, target_modules=adapter.lora_targets))
    placement = check_placement(peft_model, adapter)
    assert (placement.num_layers, placement.num_modules) == (layers, 3 * layers)
    assert placement.num_trainable == trainable
