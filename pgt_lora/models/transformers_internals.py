"""What is private in Transformers, TRL, PEFT or Accelerate, and used all the same: all of it but the trainer's is here.

`tests/models/test_transformers_internals.py` fails where a new version changes one of them. The trainer's, which
training alone imports, is in `training/hooked_trainer.py`.
"""

from collections.abc import Collection
from typing import Any

from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

__all__ = [
    "FEATURES", "PRETOKENIZE_REGEX", "TILE_TOKENS", "TILE_WORDS", "num_image_tokens", "parameter_names",
    "sdpa_attention_forward", "window_order",
]  # fmt: skip

# The argument by which models take image features in the place of pixels, as a mapping of modalities.
FEATURES = "mm_encoder_outputs"

# TRL 1.16 (trl/kernels/chunked_logprob.py, trl/trainer/utils.py): tokens and words of one tile of logits.
TILE_TOKENS, TILE_WORDS = 4096, 32768


def num_image_tokens(processor: Any, size: tuple[int, int]) -> int:
    """Return the tokens of an image of a width and height in pixels, by the processor's own rule (vLLM's use of it)."""
    width, height = size
    (tokens,) = processor._get_num_multimodal_tokens(image_sizes=[(height, width)]).num_image_tokens
    return int(tokens)


def window_order(vision_config: Any, grid: Any) -> Any:
    """Return the order in which a windowed vision tower (Qwen2.5-VL's) holds the tokens of images; None for others."""
    from transformers.vision_utils import get_vision_window_index

    if not hasattr(vision_config, "window_size"):
        return None
    sides = vision_config.spatial_merge_size, vision_config.window_size, vision_config.patch_size
    return get_vision_window_index(grid, *sides)[0]


def parameter_names(model: Any, keys: Collection[str]) -> dict[str, str]:
    """Return the parameter of a model that each key of a checkpoint's files is loaded into as it is."""
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import WeightConverter, rename_source_key

    transforms = get_model_conversion_mapping(model)
    converters = [each for each in transforms if isinstance(each, WeightConverter)]
    renamings: list[Any] = [each for each in transforms if not isinstance(each, WeightConverter)]
    own = model.state_dict()
    names = {}
    for key in keys:
        name, converter = rename_source_key(key, renamings, converters, model.base_model_prefix, own)
        if name not in own and key in own:
            name, converter = key, None
        if name in own and converter is None:
            names[key] = name
    return names
