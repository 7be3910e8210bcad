"""What is private in Transformers, TRL, PEFT or Accelerate, and used all the same: all of it is here.

`tests/models/test_transformers_internals.py` fails where a new version changes one of them.
"""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX
from trl import SFTTrainer

if TYPE_CHECKING:
    from torch.utils.data import Sampler

__all__ = [
    "FEATURES", "PRETOKENIZE_REGEX", "TILE_TOKENS", "TILE_WORDS", "HookedTrainer", "num_image_tokens",
    "parameter_names", "prepared", "sdpa_attention_forward", "window_order",
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


def prepared(trainer: Any, batch: dict[str, Any]) -> Any:
    """Return a batch as the trainer hands it to its model: on its device."""
    return trainer._prepare_inputs(dict(batch))


class HookedTrainer(SFTTrainer):
    """TRL's trainer, its private methods that the kit changes under names of the kit's own."""

    def train_sampler(self, default: "Sampler | None") -> "Sampler | None":
        """Return what orders the training samples, in the place of the trainer's own choice."""
        return default

    def saving(self) -> AbstractContextManager[None]:
        """Return what a checkpoint is written in."""
        return nullcontext()

    def _get_train_sampler(self, train_dataset: Any = None) -> "Sampler | None":
        return self.train_sampler(super()._get_train_sampler(train_dataset))

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        save: Callable[..., None] = super()._save_checkpoint
        with self.saving():
            save(model, trial)
