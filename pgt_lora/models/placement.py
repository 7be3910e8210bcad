"""Where LoRA sits: exactly on q, k and v of every language-model layer, asserted at the start of every run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pgt_lora.core.errors import InputError
from pgt_lora.models.families.family import Family

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
    lacking: Mapping[str, int] = field(default_factory=dict)  # how many layers have no such projection

    def __str__(self) -> str:
        """Return the line that a run prints."""
        return (
            f"LoRA on {self.num_modules} modules: q, k and v of {self.num_layers} language-model layers"
            f"{''.join(f', {number} of which have no {kind}' for kind, number in self.lacking.items())}; "
            f"{self.num_trainable:,} of {self.num_parameters:,} parameters are trained"
        )


def check_placement(model: "torch.nn.Module", family: Family) -> Placement:
    """Check that a PEFT model has LoRA on every q, k and v projection of its language model and nowhere else.

    Raises:
        InputError: modules are missing or too many, or something other than LoRA weights is trainable.
    """
    from peft.tuners.lora import LoraLayer

    base = model.get_base_model()  # type: ignore[operator]
    placed = {name for name, module in base.named_modules() if isinstance(module, LoraLayer)}
    layers = base.get_decoder().layers
    # Found through the model itself, not by the family's path.
    of_text_model = {module for layer in layers for name, module in layer.named_modules() if name.endswith(PROJECTIONS)}
    wanted = {name for name, module in base.named_modules() if module in of_text_model}
    if placed != wanted or not placed:
        raise InputError(
            f"{family.name}: LoRA belongs on the {len(wanted)} projections {', '.join(PROJECTIONS)} of {len(layers)} "
            f"language-model layers, but sits on {len(placed)} modules (first difference: "
            f"{min(placed ^ wanted, default='none')}); the family's text_model {family.text_model!r} does not fit"
        )
    trainable = {name: p.numel() for name, p in model.named_parameters() if p.requires_grad}
    if foreign := [name for name in trainable if ".lora_A." not in name and ".lora_B." not in name]:
        raise InputError(f"{family.name}: {foreign[0]} is trainable, but only LoRA weights should be")
    total = sum(p.numel() for p in model.parameters())
    lacking = {kind: len(layers) - sum(name.endswith(kind) for name in placed) for kind in PROJECTIONS}
    lacking = {kind: number for kind, number in lacking.items() if number}
    return Placement(len(layers), len(placed), sum(trainable.values()), total, lacking)
