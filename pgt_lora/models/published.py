"""The dimensions of published checkpoints, for what needs neither weights nor network; a new model is one entry.

Source: `config.json` and `preprocessor_config.json` of each Hub repository, but for those that came last:

- Qwen3-VL 2B, 8B and 32B: `config.json` as public code prints it. They are taken to cut images as 4B does.
- InternVL3.5: the printed configurations of its language models (Qwen3 0.6B to 14B), and for the rest XTuner's of 1B
  and 8B. It is taken to cut images as InternVL3 does.

`tests/models/test_published.py` builds the models and compares their sizes with the published ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(frozen=True)
class Published:
    """A published checkpoint: its family, its configuration, and how its processor cuts images.

    `config` and `image_processor` are arguments of the classes that Transformers has for the family; `processor` holds
    attributes of the processor itself. `form` names the chat format or the language model where the family has several.
    """

    family: str
    model_type: str
    config: Mapping[str, Any]
    image_processor: Mapping[str, Any]
    processor: Mapping[str, Any] = field(default_factory=dict)
    form: str | None = None


# How Qwen2-VL and Qwen2.5-VL cut images.
QWEN_PIXELS = {
    "patch_size": 14, "merge_size": 2, "temporal_patch_size": 2, "min_pixels": 3136, "max_pixels": 12845056,
}  # fmt: skip


def text(
    layers: int, hidden: int, heads: int, kv_heads: int, mlp: int, vocabulary: int, positions: int, **more: Any
) -> dict[str, Any]:
    """Spell a language model's dimensions as Transformers does."""
    return {
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "intermediate_size": mlp,
        "vocab_size": vocabulary,
        "max_position_embeddings": positions,
        **more,
    }


def qwen2_vl(language: dict[str, Any], tied: bool = False) -> Published:
    """Return a Qwen2-VL: one token per 28 by 28 pixels, for images of 4 to 16,384 tokens."""
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]}
    config = {
        "text_config": language | {"rope_parameters": rope, "tie_word_embeddings": tied},
        "vision_config": {"depth": 32, "embed_dim": 1280, "num_heads": 16, "hidden_size": language["hidden_size"]},
        "tie_word_embeddings": tied,
    }
    return Published("qwen2_vl", "qwen2_vl", config, QWEN_PIXELS)


def qwen2_5_vl(language: dict[str, Any], vision_mlp: int, tied: bool = False) -> Published:
    """Return a Qwen2.5-VL: one token per 28 by 28 pixels, for images of 4 to 16,384 tokens."""
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]}
    vision = {"depth": 32, "hidden_size": 1280, "intermediate_size": vision_mlp, "num_heads": 16}
    config = {
        "text_config": language | {"rope_parameters": rope, "tie_word_embeddings": tied},
        "vision_config": vision | {"out_hidden_size": language["hidden_size"]},
        "tie_word_embeddings": tied,
    }
    return Published("qwen2_5_vl", "qwen2_5_vl", config, QWEN_PIXELS)


# The vision towers of Qwen3-VL: that of 2B and 4B, and that of 8B and 32B.
QWEN3_SMALL_TOWER = {
    "depth": 24, "hidden_size": 1024, "intermediate_size": 4096, "deepstack_visual_indexes": [5, 11, 17],
}  # fmt: skip
QWEN3_TOWER = {
    "depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "deepstack_visual_indexes": [8, 16, 24],
}  # fmt: skip


def qwen3_vl(language: dict[str, Any], tower: dict[str, Any], tied: bool = False) -> Published:
    """Return a Qwen3-VL: one token per 32 by 32 pixels, for images of 64 to 16,384 tokens."""
    rope = {"rope_type": "default", "rope_theta": 5e6, "mrope_section": [24, 20, 20], "mrope_interleaved": True}
    vision = {"num_heads": 16, "patch_size": 16, "num_position_embeddings": 2304}
    config = {
        "text_config": language | {"rope_parameters": rope, "head_dim": 128, "tie_word_embeddings": tied},
        "vision_config": tower | vision | {"out_hidden_size": language["hidden_size"]},
        "tie_word_embeddings": tied,
    }
    sizes = {"shortest_edge": 65536, "longest_edge": 16777216}
    return Published("qwen3_vl", "qwen3_vl", config, {"patch_size": 16, "merge_size": 2, "size": sizes})


def internvl3(language: dict[str, Any], form: str = "qwen2") -> Published:
    """Return an InternVL3 or InternVL3.5: 256 tokens per tile of 448 pixels, at most 12 tiles and a view of the whole.

    `form` is the `model_type` of its language model: Qwen2's in InternVL3, Qwen3's in InternVL3.5.
    """
    vision = {
        "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
        "attention_bias": True, "image_size": [448, 448], "patch_size": [14, 14],
    }  # fmt: skip
    config = {
        "text_config": language | {"model_type": form, "tie_word_embeddings": False},
        "vision_config": vision,
        "tie_word_embeddings": False,
    }
    # The file says `crop_to_patches: false`; the processor crops all the same, by a default of its own.
    pixels = {"size": {"height": 448, "width": 448}, "min_patches": 1, "max_patches": 12}
    return Published("internvl3", "internvl", config, pixels, {"image_seq_length": 256}, form)


def internvl3_5(layers: int, hidden: int, heads: int, mlp: int) -> Published:
    """Return an InternVL3.5: InternVL3 with a Qwen3 as its language model."""
    language = text(layers, hidden, heads, 8, mlp, 151936, 40960, head_dim=128)
    return internvl3(language, "qwen3")


def llava_next(language: dict[str, Any], form: str) -> Published:
    """Return a LLaVA-NeXT: a view of the whole at 336 pixels, and the grid of such tiles that suits the image."""
    vision = {
        "model_type": "clip_vision_model", "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24,
        "num_attention_heads": 16, "image_size": 336, "patch_size": 14, "projection_dim": 768, "vocab_size": 32000,
    }  # fmt: skip
    grids = [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]]
    config = {"text_config": language, "vision_config": vision, "image_grid_pinpoints": grids}
    pixels = {
        "size": {"shortest_edge": 336},
        "crop_size": {"height": 336, "width": 336},
        "image_grid_pinpoints": grids,
    }
    return Published("llava_next", "llava_next", config, pixels, {"patch_size": 14}, form)


def llava_onevision(language: dict[str, Any], tied: bool = False) -> Published:
    """Return a LLaVA-OneVision: a view of the whole at 384 pixels, 729 tokens, and a grid of up to 6 by 6 such tiles.

    A grid of more than 9 tiles is scaled down to as many tokens as 9 have.
    """
    vision = {
        "model_type": "siglip_vision_model", "hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 26,
        "num_attention_heads": 16, "image_size": 384, "patch_size": 14, "vision_use_head": False,
    }  # fmt: skip
    grids = [[384 * rows, 384 * columns] for rows in range(1, 7) for columns in range(1, 7)]
    config = {
        "text_config": language | {"model_type": "qwen2", "tie_word_embeddings": tied},
        "vision_config": vision,
        "tie_word_embeddings": tied,
        "image_grid_pinpoints": grids,
    }
    pixels = {"size": {"height": 384, "width": 384}, "image_grid_pinpoints": grids}
    return Published("llava_onevision", "llava_onevision", config, pixels, {"num_image_tokens": 729})


PUBLISHED: Mapping[str, Published] = {
    "Qwen/Qwen2-VL-2B-Instruct": qwen2_vl(text(28, 1536, 12, 2, 8960, 151936, 32768), tied=True),
    "Qwen/Qwen2-VL-7B-Instruct": qwen2_vl(text(28, 3584, 28, 4, 18944, 152064, 32768)),
    "Qwen/Qwen2.5-VL-3B-Instruct": qwen2_5_vl(text(36, 2048, 16, 2, 11008, 151936, 128000), 3420, tied=True),
    "Qwen/Qwen2.5-VL-7B-Instruct": qwen2_5_vl(text(28, 3584, 28, 4, 18944, 152064, 128000), 3420),
    "Qwen/Qwen2.5-VL-32B-Instruct": qwen2_5_vl(text(64, 5120, 40, 8, 27648, 152064, 128000), 3456),
    "Qwen/Qwen2.5-VL-72B-Instruct": qwen2_5_vl(text(80, 8192, 64, 8, 29568, 152064, 128000), 3456),
    "Qwen/Qwen3-VL-2B-Instruct": qwen3_vl(text(28, 2048, 16, 8, 6144, 151936, 262144), QWEN3_SMALL_TOWER, tied=True),
    "Qwen/Qwen3-VL-4B-Instruct": qwen3_vl(text(36, 2560, 32, 8, 9728, 151936, 262144), QWEN3_SMALL_TOWER, tied=True),
    "Qwen/Qwen3-VL-8B-Instruct": qwen3_vl(text(36, 4096, 32, 8, 12288, 151936, 262144), QWEN3_TOWER),
    "Qwen/Qwen3-VL-32B-Instruct": qwen3_vl(text(64, 5120, 64, 8, 25600, 151936, 262144), QWEN3_TOWER),
    "OpenGVLab/InternVL3-1B-hf": internvl3(text(24, 896, 14, 2, 4864, 151674, 32768)),
    "OpenGVLab/InternVL3-2B-hf": internvl3(text(28, 1536, 12, 2, 8960, 151674, 32768)),
    "OpenGVLab/InternVL3-8B-hf": internvl3(text(28, 3584, 28, 4, 18944, 151674, 32768)),
    "OpenGVLab/InternVL3-14B-hf": internvl3(text(48, 5120, 40, 8, 13824, 151674, 32768)),
    "OpenGVLab/InternVL3_5-1B-HF": internvl3_5(28, 1024, 16, 3072),
    "OpenGVLab/InternVL3_5-2B-HF": internvl3_5(28, 2048, 16, 6144),
    "OpenGVLab/InternVL3_5-4B-HF": internvl3_5(36, 2560, 32, 9728),
    "OpenGVLab/InternVL3_5-8B-HF": internvl3_5(36, 4096, 32, 12288),
    "OpenGVLab/InternVL3_5-14B-HF": internvl3_5(40, 5120, 40, 17408),
    "llava-hf/llava-v1.6-vicuna-7b-hf": llava_next(
        text(32, 4096, 32, 32, 11008, 32064, 4096, model_type="llama"), "vicuna"
    ),
    "llava-hf/llava-v1.6-mistral-7b-hf": llava_next(
        text(32, 4096, 32, 8, 14336, 32064, 32768, model_type="mistral"), "mistral"
    ),
    "llava-hf/llama3-llava-next-8b-hf": llava_next(
        text(32, 4096, 32, 8, 14336, 128320, 8192, model_type="llama"), "llama3"
    ),
    "llava-hf/llava-onevision-qwen2-0.5b-ov-hf": llava_onevision(text(24, 896, 14, 2, 4864, 152000, 32768), tied=True),
    "llava-hf/llava-onevision-qwen2-7b-ov-hf": llava_onevision(text(28, 3584, 28, 4, 18944, 152128, 32768)),
}


def build_config(published: Published) -> "PretrainedConfig":
    """Return the configuration of a published checkpoint."""
    from transformers import AutoConfig

    return AutoConfig.for_model(published.model_type, **published.config)
