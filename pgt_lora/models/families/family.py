"""A model family: what differs between the families, and nothing else."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """What the kit must know of a model family; whatever is not said here is read off the checkpoint.

    `model_type` is that of the checkpoint's `config.json`, `text_model` the path of the language model within the whole
    model: LoRA's places, the layers that 4 bits hold, the hash of the frozen features and the checks of a merged model
    follow from it. `features_suffice` tells whether the language model takes of an image only what stands in its
    placeholders. `end_token` and `answer_prefix` are read off the chat template unless they are given (`template.py`).
    `lmms_eval` is the name under which lmms-eval knows the family, None where it does not.
    """

    name: str
    model_type: str
    text_model: str = "model.language_model"
    features_suffice: bool = True
    end_token: str | None = None
    answer_prefix: str | None = None
    lmms_eval: str | None = None

    @property
    def lora_targets(self) -> str:
        """The regular expression for the full names of the modules that get LoRA: q, k and v of the language model.

        Vision towers have modules of the same names, so the path is what tells them apart.
        """
        return rf"{re.escape(self.text_model)}\.layers\.\d+\.self_attn\.[qkv]_proj"

    @property
    def not_quantized(self) -> str:
        """The regular expression for the modules that stay in 16 bits where the language model is held in 4."""
        return rf"(?!{re.escape(self.text_model)}\.).*"

    def is_frozen_vision(self, name: str) -> bool:
        """Tell whether a parameter belongs to what makes image features: neither to the text model nor to the head."""
        return not name.startswith((f"{self.text_model}.", "lm_head"))
