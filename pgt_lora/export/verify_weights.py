"""Checks of a merged checkpoint's tensors, read from the files: no model is built, and nothing of PEFT is used."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import torch
from safetensors import safe_open

# How safetensors writes the types.
FLOATS = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
_LANGUAGE_QKV = re.compile(r"(?!.*\bvis).*\blayers\.(\d+)\.self_attn\.([qkv])_proj\.weight")


class Subject(StrEnum):
    """What is checked of a merged checkpoint."""

    FILES = "files equal the base's"
    KEYS = "keys, shapes and types equal the base's"
    WEIGHTS = "weights are W + (α/r)·BA"
    LOGITS = "logits equal base + adapter"
    ANSWERS = "greedy answers equal base + adapter"
    SCORES = "scores equal base + adapter"


@dataclass(frozen=True)
class Check:
    """One check with its outcome and its figures, in words."""

    name: Subject
    passed: bool
    figures: str


def check_keys(base_dir: Path, merged: Path, dtype: str | None = None) -> Check:
    """Check that both hold the same tensors, of the same shapes and types, or of the type that the base was cast to."""
    base, new = _headers(base_dir), _headers(merged)
    if dtype:
        base = {key: (shape, FLOATS[dtype] if kind in FLOATS.values() else kind) for key, (shape, kind) in base.items()}
    wrong = sorted(key for key in base.keys() | new.keys() if base.get(key) != new.get(key))
    figures = f"{len(base)} keys" + (f"; {len(wrong)} differ, first {wrong[0]}" if wrong else "")
    return Check(Subject.KEYS, not wrong, figures)


def check_weights(base_dir: Path, adapter_dir: Path, merged: Path, dtype: str | None = None) -> Check:
    """Check every tensor: W + (α/r)·BA within one rounding for q, k and v of the language model, equal elsewhere.

    With a `dtype`, W is the base's tensor cast to that type.
    """
    updates = adapter_updates(adapter_dir)
    wrong: list[str] = []
    num_merged, largest = 0, 0.0
    for (key, old), (_, new) in zip(_tensors(base_dir), _tensors(merged), strict=True):
        if dtype and old.is_floating_point():
            old = old.to(getattr(torch, dtype))
        match = _LANGUAGE_QKV.fullmatch(key)
        if match is None:
            wrong += [] if torch.equal(old.view(torch.uint8), new.view(torch.uint8)) else [key]
            continue
        num_merged += 1
        update, bound = updates.pop((int(match[1]), match[2]))
        expected = old.float() + update
        error = (new.float() - expected).abs()
        # One rounding is half a unit in the last place; the rest is what fp32 itself may lose, in whatever order.
        half_unit = torch.finfo(old.dtype).eps * 2.0 ** (torch.frexp(expected).exponent - 2)
        allowed = half_unit + torch.finfo(torch.float32).eps * old.float().abs() + bound
        largest = max(largest, float(error.max()))
        wrong += [key] if bool((error > allowed).any()) else []
    wrong += [f"no tensor for the update of layer {layer} {kind}" for layer, kind in updates]
    cast = f" to the base cast to {dtype}" if dtype else ""
    figures = f"{num_merged} merged tensors, largest error {largest:.1e}; the others are byte-equal{cast}"
    return Check(
        Subject.WEIGHTS,
        not wrong and num_merged > 0,
        figures if not wrong else f"wrong: {', '.join(wrong[:3])}",
    )


def adapter_updates(adapter_dir: Path) -> dict[tuple[int, str], tuple[torch.Tensor, torch.Tensor]]:
    """Return (α/r)·BA in fp32 for every (layer, "q", "k" or "v"), from the adapter's file alone.

    Beside it stands the error that a sum of r products in fp32 may have: ε·r·(α/r)·|B||A|, element by element.
    """
    config = json.loads((adapter_dir / "adapter_config.json").read_text(encoding="utf-8"))
    r = config["r"]
    scale = config["lora_alpha"] / (r**0.5 if config.get("use_rslora") else r)
    with safe_open(adapter_dir / "adapter_model.safetensors", "pt") as file:
        weights = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
    updates = {}
    for key, a in weights.items():
        if match := re.fullmatch(r".*\blayers\.(\d+)\.self_attn\.([qkv])_proj\.lora_A\.weight", key):
            b = weights[key.replace("lora_A", "lora_B")]
            bound = torch.finfo(torch.float32).eps * r * scale * (b.abs() @ a.abs())
            updates[int(match[1]), match[2]] = scale * (b @ a), bound
    return updates


def _headers(directory: Path) -> dict[str, tuple[list[int], str]]:
    found = {}
    for path in directory.glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            for key in file.keys():  # noqa: SIM118
                tensor = file.get_slice(key)
                found[key] = (tensor.get_shape(), tensor.get_dtype())
    return found


def _tensors(directory: Path) -> Iterator[tuple[str, torch.Tensor]]:
    where: dict[str, Path] = {}
    for path in directory.glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            where |= dict.fromkeys(file.keys(), path)
    for key in sorted(where):
        with safe_open(where[key], "pt") as file:
            yield key, file.get_tensor(key)
