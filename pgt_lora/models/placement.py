"""Where LoRA sits: exactly on q, k and v of every language-model layer, asserted at the start of every run."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgt_lora.core.errors import InputError
from pgt_lora.models.families.adapter import Adapter

if TYPE_CHECKING:
    import torch

PROJECTIONS = ("q_proj", "k_proj", "v_proj")


@dataclass(frozen=True)
class Placement:
    """What was found on a model that carries LoRA."""

    num_layers: int
    num_modules: int
    num_trainable: int
    num_parameters: int

    def __str__(self) -> str:
        """Return the line that a run prints."""
        return (
            f"LoRA on {self.num_modules} modules: q, k and v of {self.num_layers} language-model layers; "
            f"{self.num_trainable:,} of {self.num_parameters:,} parameters are trained"
        )


def check_placement(model: "torch.nn.Module", adapter: Adapter) -> Placement:
    """Check that a PEFT model has LoRA on three projections of every language-model layer and nowhere else.

    Raises:
        InputError: modules are missing or too many, or something other than LoRA weights is trainable.
    """
    from peft.tuners.lora import LoraLayer

    base = model.get_base_model()  # type: ignore[operator]
    found = [name for name, module in base.named_modules() if isinstance(module, LoraLayer)]
    num_layers = base.config.get_text_config().num_hidden_layers
    outside = [name for name in found if not re.fullmatch(adapter.lora_targets, name)]
    counts = {kind: sum(name.endswith(kind) for name in found) for kind in PROJECTIONS}
    if outside or set(counts.values()) != {num_layers}:
        raise InputError(
            f"{adapter.name}: LoRA belongs on {'/'.join(PROJECTIONS)} of {num_layers} layers, but sits on {counts} "
            f"and on {outside[:3] or 'nothing'} elsewhere; the adapter's lora_targets does not fit this model"
        )
    trainable = {name: p.numel() for name, p in model.named_parameters() if p.requires_grad}
    if foreign := [name for name in trainable if ".lora_A." not in name and ".lora_B." not in name]:
        raise InputError(f"{adapter.name}: {foreign[0]} is trainable, but only LoRA weights should be")
    total = sum(p.numel() for p in model.parameters())
    return Placement(num_layers, len(found), sum(trainable.values()), total)
