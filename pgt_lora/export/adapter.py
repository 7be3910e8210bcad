"""An adapter's updates, read from its own files, by the tensor of the base that each belongs to."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import read_json
from pgt_lora.models.checkpoint import ADAPTER_CONFIG, read_config
from pgt_lora.models.transformers_internals import parameter_names
from pgt_lora.models.weight_files import adapter_file, read_tensors, weight_files

TYPES = (torch.float32, torch.bfloat16, torch.float16)
# What changes W + (α/r)·BA into something else, and the values that leave it as it is.
_PLAIN: dict[str, tuple[Any, ...]] = {
    "peft_type": ("LORA",), "use_dora": (False, None), "use_qalora": (False, None), "lora_bias": (False, None),
    "bias": ("none", None), "fan_in_fan_out": (False, None), "modules_to_save": (None, []),
    "layer_replication": (None,), "target_parameters": (None, []), "trainable_token_indices": (None, [], {}),
    "alora_invocation_tokens": (None, []), "arrow_config": (None,), "monteclora_config": (None,),
}  # fmt: skip
# How A and B begin; the others (PiSSA, OLoRA, CorDA, LoftQ, …) change W as well.
_STARTS = (True, False, None, "gaussian", "orthogonal", "eva")
_PREFIX, _A, _B = "base_model.model.", ".lora_A.weight", ".lora_B.weight"


@dataclass(frozen=True)
class Update:
    """What LoRA adds to one matrix: `scale` · B A, with A of shape (r, in) and B of shape (out, r), both fp32."""

    a: torch.Tensor
    b: torch.Tensor
    scale: float

    def added_to(self, old: torch.Tensor) -> torch.Tensor:
        """Return the sum in fp32, rounded once into the type of `old`."""
        return (old.float() + self.b @ self.a * self.scale).to(old.dtype)

    def exact(self, old: torch.Tensor, rows: slice) -> torch.Tensor:
        """Return some rows of the sum in float64; `old` holds these rows alone."""
        return old.double() + self.b[rows].double() @ self.a.double() * self.scale

    def bound(self, old: torch.Tensor, rows: slice) -> torch.Tensor:
        """Return what the sum in fp32 may be off, element by element, in whatever order it is done.

        ε·((r + 1)·(α/r)·|B||A| + |W|), and a smallest number of fp32 for each product, as those may vanish.
        """
        kind, scale, terms = torch.finfo(torch.float32), abs(self.scale), len(self.a) + 1
        products = self.b[rows].double().abs() @ self.a.double().abs()
        vanished = terms * max(scale, 1.0) * kind.smallest_normal * kind.eps
        return kind.eps * (terms * scale * products + old.double().abs()) + vanished


def read_updates(adapter_dir: Path) -> dict[str, Update]:
    """Return the update of every module that an adapter names, from its files alone, with the modules' full names.

    Raises:
        InputError: the adapter does something else than to add (α/r)·BA to matrices.
    """
    path = adapter_dir / ADAPTER_CONFIG
    config = read_json(path)
    for name, plain in _PLAIN.items():
        if config.get(name) not in plain:
            raise InputError(f"{path}: {name} {config.get(name)!r}: only W + (α/r)·BA can be merged and verified here")
    start = config.get("init_lora_weights")
    if start not in _STARTS:
        raise InputError(f"{path}: init_lora_weights {start!r} also changes the base, so it cannot be verified here")
    weights = dict(read_tensors(adapter_file(adapter_dir)))
    updates = {}
    for key, tensor in weights.items():
        partner = key.replace(_A, _B) if _A in key else key.replace(_B, _A)
        if not (key.startswith(_PREFIX) and key.endswith((_A, _B)) and partner in weights and tensor.ndim == 2):
            raise InputError(f"{adapter_file(adapter_dir)}: {key}: only pairs of LoRA matrices can be merged here")
        if not key.endswith(_A):
            continue
        module = key.removeprefix(_PREFIX).removesuffix(_A)
        a, b = tensor.float(), weights[partner].float()
        r = _of_module(config.get("rank_pattern"), module, config.get("r", 8))
        alpha = _of_module(config.get("alpha_pattern"), module, config.get("lora_alpha", 8))
        if not len(a) == b.shape[1] == r:
            raise InputError(f"{adapter_file(adapter_dir)}: {key}: has rank {len(a)}, but {path.name} says {r}")
        updates[module] = Update(a, b, alpha / (r**0.5 if config.get("use_rslora") else r))
    return updates


def updates_by_key(base_dir: Path, adapter_dir: Path) -> dict[str, Update]:
    """Return an adapter's updates by the key of the base's file that each changes, in old and new layouts of weights.

    Raises:
        InputError: the adapter cannot be verified, or names what the base does not have, or not in this shape.
    """
    files = weight_files(base_dir)
    stored = {key: (tensor.shape, tensor.dtype) for path in files for key, tensor in read_tensors(path)}
    names, tied = _names(base_dir, stored)
    keys = {name: key for key, name in names.items()}
    found = {}
    for module, update in read_updates(adapter_dir).items():
        name = f"{module}.weight"
        if name not in keys:
            raise InputError(f"{adapter_dir}: {base_dir} holds no tensor for {module}; was it trained on another base?")
        if name in tied:
            raise InputError(f"{adapter_dir}: {module} shares its weights with another module, so it cannot be merged")
        shape, dtype = stored[keys[name]]
        if dtype not in TYPES:
            raise InputError(f"{base_dir}: {keys[name]} is {dtype}; only unquantized bases can be merged into")
        if shape != (len(update.b), update.a.shape[1]):
            raise InputError(
                f"{adapter_dir}: {module} has another shape in {base_dir}; was it trained on another base?"
            )
        found[keys[name]] = update
    return found


def _of_module(patterns: Mapping[str, Any] | None, module: str, default: Any) -> Any:
    """Return what a configuration says of a module: the first pattern that its name ends with, or the default."""
    return next((v for key, v in (patterns or {}).items() if re.match(rf"(.*\.)?({key})$", module)), default)


def _names(base_dir: Path, keys: Collection[str]) -> tuple[dict[str, str], set[str]]:
    """Return the parameter that each key of the files becomes, and those parameters that share their weights."""
    from transformers import AutoModelForImageTextToText

    with torch.device("meta"):
        model: Any = AutoModelForImageTextToText.from_config(read_config(str(base_dir)))
    tied = model.all_tied_weights_keys
    return parameter_names(model, keys), {*tied.keys(), *tied.values()}
