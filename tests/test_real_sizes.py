"""Where LoRA sits, and how much of it, on the published architectures: built on the meta device, without weights."""

import re
from typing import Any

import pytest
import torch

from pgt_lora.placement import check_placement
from pgt_lora.registry import discover

ADAPTERS = discover("pgt_lora.adapters", "ADAPTER")

QWEN_VISION = {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16}
INTERN_VISION = {
    "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
    "attention_bias": True,
}  # fmt: skip
CLIP_VISION = {
    "model_type": "clip_vision_model", "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24,
    "num_attention_heads": 16, "image_size": 336, "patch_size": 14, "projection_dim": 768, "vocab_size": 32000,
}  # fmt: skip
QWEN_7B = {
    "num_hidden_layers": 28, "hidden_size": 3584, "intermediate_size": 18944, "num_attention_heads": 28,
    "num_key_value_heads": 4,
}  # fmt: skip
LLAMA = {"model_type": "llama", "num_hidden_layers": 32, "hidden_size": 4096, "num_attention_heads": 32}

# Adapter, configuration, parameters of all weights in billions, trainable parameters with r = 8.
PUBLISHED: dict[str, tuple[str, dict[str, Any], float, int]] = {
    "Qwen2.5-VL-3B": (
        "qwen2_5_vl",
        {
            "text_config": {
                "num_hidden_layers": 36, "hidden_size": 2048, "intermediate_size": 11008, "num_attention_heads": 16,
                "num_key_value_heads": 2, "vocab_size": 151936, "tie_word_embeddings": True,
                "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
            },
            "vision_config": QWEN_VISION | {"out_hidden_size": 2048},
            "tie_word_embeddings": True,
        },
        3.75,
        2_506_752,
    ),
    "Qwen2.5-VL-7B": (
        "qwen2_5_vl",
        {
            "text_config": QWEN_7B | {
                "vocab_size": 152064, "tie_word_embeddings": False,
                "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
            },
            "vision_config": QWEN_VISION | {"out_hidden_size": 3584},
            "tie_word_embeddings": False,
        },
        8.29,
        3_440_640,
    ),
    "InternVL3-8B": (
        "internvl3",
        {
            "text_config": QWEN_7B | {"model_type": "qwen2", "vocab_size": 151674, "tie_word_embeddings": False},
            "vision_config": INTERN_VISION,
            "tie_word_embeddings": False,
        },
        7.94,
        3_440_640,
    ),
    "LLaVA-NeXT Vicuna-7B": (
        "llava_next",
        {
            "text_config": LLAMA | {"intermediate_size": 11008, "num_key_value_heads": 32, "vocab_size": 32064},
            "vision_config": CLIP_VISION,
        },
        7.06,
        6_291_456,
    ),
    "LLaVA-NeXT Mistral-7B": (
        "llava_next",
        {
            "text_config": LLAMA | {
                "model_type": "mistral", "intermediate_size": 14336, "num_key_value_heads": 8, "vocab_size": 32064,
            },
            "vision_config": CLIP_VISION,
        },
        7.57,
        4_718_592,
    ),
    "LLaVA-NeXT Llama3-8B": (
        "llava_next",
        {
            "text_config": LLAMA | {"intermediate_size": 14336, "num_key_value_heads": 8, "vocab_size": 128320},
            "vision_config": CLIP_VISION,
        },
        8.36,
        4_718_592,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("family", "config", "billions", "trainable"), PUBLISHED.values(), ids=PUBLISHED)
def test_lora_on_the_published_architectures(
    family: str, config: dict[str, Any], billions: float, trainable: int
) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import CONFIG_MAPPING, AutoModelForImageTextToText

    adapter = ADAPTERS[family]
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(CONFIG_MAPPING[adapter.model_type](**config))
    # The configuration is the published one: the model has its size.
    assert sum(p.numel() for p in model.parameters()) / 1e9 == pytest.approx(billions, abs=0.01)
    layers = config["text_config"]["num_hidden_layers"]
    names = {name for name, _ in model.named_modules() if re.fullmatch(adapter.lora_targets, name)}
    assert names == {f"model.language_model.layers.{i}.self_attn.{kind}_proj" for i in range(layers) for kind in "qkv"}

    with torch.device("meta"):
        peft_model = get_peft_model(model, LoraConfig(r=8, lora_alpha=32, target_modules=adapter.lora_targets))
    placement = check_placement(peft_model, adapter)
    assert (placement.num_layers, placement.num_modules) == (layers, 3 * layers)
    assert placement.num_trainable == trainable
