"""A model family: what differs between the families, and nothing else."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class WholeView(StrEnum):
    """Which of an image's tokens show the whole of it as a grid, row by row."""

    ALL = "all"  # as many rows and columns as the processor's `image_grid_thw` says
    FIRST = "first"  # a square, before the tiles
    LAST = "last"  # a square, behind the tiles, or the only one


PROJECTIONS = ("q_proj", "k_proj", "v_proj")  # what gets LoRA unless a recipe says otherwise


@dataclass(frozen=True)
class Family:
    """What the kit must know of a model family; whatever is not said here is read off the checkpoint.

    `model_type` is that of the checkpoint's `config.json`, `text_model` the path of the language model within the whole
    model: LoRA's places, the layers that 4 bits hold, the hash of the frozen features and the checks of a merged model
    follow from it. `features_suffice` tells whether the language model takes of an image only what stands in its
    placeholders. `end_token` and `answer_prefix` are read off the chat template unless they are given (`template.py`).
    `lmms_eval` is the name under which lmms-eval knows the family, None where it does not. `projector` is the path of
    the module that takes what the vision tower made. `whole_view` tells where an image's parts lie among its tokens;
    None where that is not known, and states are then read neither in the tower nor under objects.
    """

    name: str
    model_type: str
    text_model: str = "model.language_model"
    features_suffice: bool = True
    end_token: str | None = None
    answer_prefix: str | None = None
    lmms_eval: str | None = None
    projector: str = "model.multi_modal_projector"
    whole_view: WholeView | None = None

    @property
    def lora_targets(self) -> str:
        """The regular expression for the full names of the modules that get LoRA: q, k and v of the language model."""
        return self.targets(PROJECTIONS)

    def targets(self, modules: Sequence[str]) -> str:
        """Return the regular expression for modules of the language model's layers, by the last parts of their names.

        Vision towers have modules of the same names, so the path is what tells them apart.
        """
        return rf"{re.escape(self.text_model)}\.layers\.\d+\.(?:\w+\.)*(?:{'|'.join(map(re.escape, modules))})"

    @property
    def not_quantized(self) -> str:
        """The regular expression for the modules that stay in 16 bits where the language model is held in 4."""
        return rf"(?!{re.escape(self.text_model)}\.).*"

    def is_frozen_vision(self, name: str) -> bool:
        """Tell whether a parameter belongs to what makes image features: neither to the text model nor to the head."""
        return not name.startswith((f"{self.text_model}.", "lm_head"))
