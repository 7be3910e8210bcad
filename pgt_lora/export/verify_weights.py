"""Checks of a merged checkpoint's tensors, read from the files: no model computes, and nothing of PEFT is used."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import torch

from pgt_lora.export.adapter import Update, updates_by_key
from pgt_lora.export.merge import type_of
from pgt_lora.models.weight_files import read_tensor, read_tensors, weight_files

ROWS = 512  # of a matrix that are compared at once, in float64


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
    base, new = _forms(base_dir, dtype), _forms(merged)
    wrong = sorted(key for key in base.keys() | new.keys() if base.get(key) != new.get(key))
    figures = f"{len(base)} keys" + (f"; {len(wrong)} differ, first {wrong[0]}" if wrong else "")
    return Check(Subject.KEYS, not wrong, figures)


def check_weights(base_dir: Path, adapter_dir: Path, merged: Path, dtype: str | None = None) -> Check:
    """Check every tensor: W + (α/r)·BA rounded once where the adapter has an update for it, equal elsewhere.

    With a `dtype`, W is the base's tensor cast to that type.

    Raises:
        InputError: the adapter does something else than to add (α/r)·BA to matrices of the base.
    """
    updates = updates_by_key(base_dir, adapter_dir)
    where = {key: path for path in weight_files(merged) for key, _ in read_tensors(path)}
    wrong: list[str] = []
    largest = 0.0
    for path in weight_files(base_dir):
        for key, stored in read_tensors(path):
            old, new = stored.to(type_of(stored, dtype)).contiguous(), read_tensor(where[key], key)
            if key in updates:
                error = error_of_rounding(old, updates[key], new)
                largest = max(largest, error or 0.0)
                wrong += [key] if error is None else []
            else:
                wrong += [] if _same_bytes(old, new) else [key]
    to = f" to the base cast to {dtype}" if dtype else ""
    figures = f"{len(updates)} merged tensors, largest error {largest:.1e}; the others are byte-equal{to}"
    passed = not wrong and bool(updates)
    return Check(Subject.WEIGHTS, passed, figures if not wrong else f"wrong: {', '.join(wrong[:3])}")


def error_of_rounding(old: torch.Tensor, update: Update, new: torch.Tensor) -> float | None:
    """Return the largest error of a merged matrix, or None where it is not the sum in fp32, rounded once.

    Rounding keeps the order of numbers. So a sum that was off by no more than what fp32 may lose lies, when it is
    rounded, between the exact sum less that bound and the exact sum plus that bound, both rounded in the same way. This
    holds for every type, from its largest numbers to those below its normal ones.
    """
    largest = 0.0
    for start in range(0, len(old), ROWS):
        rows = slice(start, start + ROWS)
        exact, bound = update.exact(old[rows], rows), update.bound(old[rows], rows)
        low, high = (exact - bound).to(old.dtype), (exact + bound).to(old.dtype)
        if not bool(((low <= new[rows]) & (new[rows] <= high) & new[rows].isfinite()).all()):
            return None
        largest = max(largest, float((new[rows].double() - exact).abs().max()))
    return largest


def _same_bytes(old: torch.Tensor, new: torch.Tensor) -> bool:
    return torch.equal(old.reshape(-1).view(torch.uint8), new.reshape(-1).view(torch.uint8))


def _forms(directory: Path, dtype: str | None = None) -> dict[str, tuple[torch.Size, torch.dtype]]:
    tensors = (each for path in weight_files(directory) for each in read_tensors(path))
    return {key: (tensor.shape, type_of(tensor, dtype)) for key, tensor in tensors}
