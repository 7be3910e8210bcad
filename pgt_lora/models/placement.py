"""Where LoRA sits: exactly on the named modules of every language-model layer, asserted at the start of every run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pgt_lora.core.errors import InputError, choices
from pgt_lora.models.families.family import PROJECTIONS, Family

if TYPE_CHECKING:
    import torch

ALL_LINEAR = "all-linear"  # as PEFT says it; here, all of the language model's layers


@dataclass(frozen=True)
class Placement:
    """What was found on a model that carries LoRA."""

    num_layers: int
    num_modules: int
    num_trainable: int
    num_parameters: int
    lacking: Mapping[str, int] = field(default_factory=dict)  # how many layers have no such module
    modules: Sequence[str] = PROJECTIONS

    def __str__(self) -> str:
        """Return the line that a run prints."""
        return (
            f"LoRA on {self.num_modules} modules: {self.names} of {self.num_layers} language-model layers"
            f"{''.join(f', {number} of which have no {kind}' for kind, number in self.lacking.items())}; "
            f"{self.num_trainable:,} of {self.num_parameters:,} parameters are trained"
        )

    @property
    def names(self) -> str:
        """The modules in words."""
        short = [name.removesuffix("_proj") for name in self.modules]
        return " and ".join([", ".join(short[:-1]), short[-1]] if len(short) > 1 else short)


def target_modules(model: "torch.nn.Module", asked: Sequence[str] | str | None, where: str) -> tuple[str, ...]:
    """Return the last parts of the names of the modules that get LoRA in a base model's language-model layers.

    `asked` is a recipe's `lora_target_modules`: such names, or `all-linear`; None means q, k and v.

    Raises:
        InputError: the layers have no linear module of a name; it begins with `where`.
    """
    if not asked:
        return PROJECTIONS
    known = list(dict.fromkeys(name.rpartition(".")[2] for name in linear_modules(model)))
    given = [asked] if isinstance(asked, str) else list(asked)  # TRL makes a word of a list of one
    names = known if given == [ALL_LINEAR] else given
    if foreign := [name for name in names if name not in known]:
        raise InputError(
            f"{where}: lora_target_modules: the language model's layers have no linear module {foreign[0]!r}; known: "
            f"{choices(known)}, or {ALL_LINEAR} alone"
        )
    return tuple(dict.fromkeys(names))


def linear_modules(model: Any) -> dict[str, "torch.nn.Module"]:
    """Return the linear modules of a model's language-model layers, by their full names."""
    import torch

    # Found through the model itself, not by the family's path.
    inside = {module for layer in model.get_decoder().layers for module in layer.modules()}
    found = ((name, module) for name, module in model.named_modules() if module in inside)
    return {name: module for name, module in found if isinstance(module, torch.nn.Linear)}


def check_placement(model: "torch.nn.Module", family: Family, modules: Sequence[str] = PROJECTIONS) -> Placement:
    """Check that a PEFT model has LoRA on every module of these names in its language model's layers and nowhere else.

    Raises:
        InputError: modules are missing or too many, or something other than LoRA weights is trainable.
    """
    from peft.tuners.lora import LoraLayer

    base = model.get_base_model()  # type: ignore[operator]
    placed = {name for name, module in base.named_modules() if isinstance(module, LoraLayer)}
    layers = base.get_decoder().layers
    # Found through the model itself, not by the family's path.
    of_text_model = {
        module for layer in layers for name, module in layer.named_modules() if name.rpartition(".")[2] in modules
    }
    wanted = {name for name, module in base.named_modules() if module in of_text_model}
    if placed != wanted or not placed:
        raise InputError(
            f"{family.name}: LoRA belongs on the {len(wanted)} projections {', '.join(modules)} of {len(layers)} "
            f"language-model layers, but is on {len(placed)} modules (first difference: "
            f"{min(placed ^ wanted, default='none')}); the family's text_model {family.text_model!r} does not fit"
        )
    trainable = {name: p.numel() for name, p in model.named_parameters() if p.requires_grad}
    if foreign := [name for name in trainable if ".lora_A." not in name and ".lora_B." not in name]:
        raise InputError(f"{family.name}: {foreign[0]} is trainable, but only LoRA weights should be")
    total = sum(p.numel() for p in model.parameters())
    lacking = {kind: len(layers) - sum(name.endswith(f".{kind}") for name in placed) for kind in modules}
    lacking = {kind: number for kind, number in lacking.items() if number}
    return Placement(len(layers), len(placed), sum(trainable.values()), total, lacking, tuple(modules))


def plain_targets(model: "torch.nn.Module", modules: Sequence[str], family: Family) -> tuple[list[str], str | None]:
    """Return PEFT's `target_modules` and `exclude_modules` by which another tool finds the same modules.

    The first are last parts of names. Where modules outside the language model share them, the second is the regular
    expression for everything outside it; PEFT refuses one that excludes nothing.
    """
    base = model.get_base_model()  # type: ignore[operator]
    inside = f"{family.text_model}.layers."
    shared = any(name.rpartition(".")[2] in modules and not name.startswith(inside) for name, _ in base.named_modules())
    outside = rf"(?!{inside.replace('.', chr(92) + '.')}).*"
    return list(modules), outside if shared else None
