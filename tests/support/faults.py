"""Faults planted in a merged model: what the verification is to find."""

import re
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def edit_weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path, Path], None]:
    def fault(merged: Path, base: Path) -> None:
        weights = load_file(merged / "model.safetensors")
        weights = {key: tensor.clone() for key, tensor in weights.items()}
        change(weights)
        save_file(weights, merged / "model.safetensors", metadata={"format": "pt"})

    return fault


def wrong_scaling(merged: Path, base: Path) -> None:
    new, old = load_file(merged / "model.safetensors"), load_file(base / "model.safetensors")
    halved = {key: old[key] + (new[key] - old[key]) / 2 for key in new}
    save_file(halved, merged / "model.safetensors", metadata={"format": "pt"})


def one_layer_unmerged(merged: Path, base: Path) -> None:
    old = load_file(base / "model.safetensors")
    query = key_of(old, r"(?!.*vision).*layers\.1\.self_attn\.q_proj\.weight")
    edit_weights(lambda weights: weights.update({query: old[query]}))(merged, base)


def key_of(weights: dict[str, torch.Tensor], pattern: str) -> str:
    """Return the first key that matches."""
    return next(key for key in sorted(weights) if re.fullmatch(pattern, key))


VISION = r"(model\.)?(visual|vision_tower)\..*"
FAULTS: dict[str, tuple[Callable[[Path, Path], None], str]] = {
    "wrong scaling": (wrong_scaling, "weights"),
    "one layer unmerged": (one_layer_unmerged, "weights"),
    "vision weight changed": (
        edit_weights(lambda weights: weights[key_of(weights, rf"{VISION}\.weight")].view(-1)[:1].add_(0.5)),
        "weights",
    ),
    "key missing": (edit_weights(lambda weights: weights.pop(key_of(weights, rf"{VISION}\.bias"))), "keys"),
    "file missing": (lambda merged, base: (merged / "processor_config.json").unlink(), "files"),
    "template changed": (
        lambda merged, base: (merged / "chat_template.jinja").open("a").write(" ") and None,
        "files",
    ),
}
