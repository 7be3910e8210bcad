"""Verification: that a merged checkpoint is its base plus the adapter, and nothing else."""

import filecmp
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.table import Table
from safetensors import safe_open

from pgt_lora.build import default_weights, make_sample
from pgt_lora.checkpoint import Checkpoint, family, load_adapter, load_model, load_processor, resolve
from pgt_lora.dataset import write_json
from pgt_lora.encoding import Encoder
from pgt_lora.errors import InputError
from pgt_lora.evaluate import Generation, answer
from pgt_lora.merge import companion_files, local_directory
from pgt_lora.progress import console
from pgt_lora.recipe import read_values
from pgt_lora.scene import Canvas
from pgt_lora.tasks.task import Settings

# Largest difference of a logit, relative to the largest logit: sums of products are done in another order.
LOGIT_TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 3e-2, torch.float16: 4e-3}
NUM_SAMPLES = 16

_LANGUAGE_QKV = re.compile(r"(?!.*\bvis).*\blayers\.(\d+)\.self_attn\.([qkv])_proj\.weight")


@dataclass(frozen=True)
class Check:
    """One check with its outcome and its figures, in words."""

    name: str
    passed: bool
    figures: str


def verify(merged: Path, checkpoint: Checkpoint) -> list[Check]:
    """Check a merged checkpoint against its base and adapter; see `verification.json` for what is checked."""
    assert checkpoint.adapter_dir is not None
    base_dir = local_directory(checkpoint.base, checkpoint.revision)
    checks = [check_files(base_dir, merged), check_keys(base_dir, merged)]
    if checks[-1].passed:
        checks.append(check_weights(base_dir, checkpoint.adapter_dir, merged))
    if all(check.passed for check in checks):
        checks.extend(check_behaviour(base_dir, checkpoint.adapter_dir, merged))
    return checks


def check_files(base_dir: Path, merged: Path) -> Check:
    """Check that configuration, processor and chat template are the base's, byte for byte."""
    files = [path.name for path in companion_files(base_dir)]
    _, changed, missing = filecmp.cmpfiles(base_dir, merged, files, shallow=False)
    figures = f"{len(files)} files compared" + "".join(f"; {name} differs" for name in [*changed, *missing])
    return Check("files equal the base's", not changed and not missing, figures)


def check_keys(base_dir: Path, merged: Path) -> Check:
    """Check that both hold the same tensors, of the same shapes and types."""
    base, new = _headers(base_dir), _headers(merged)
    wrong = sorted(key for key in base.keys() | new.keys() if base.get(key) != new.get(key))
    figures = f"{len(base)} keys" + (f"; {len(wrong)} differ, first {wrong[0]}" if wrong else "")
    return Check("keys, shapes and types equal the base's", not wrong, figures)


def check_weights(base_dir: Path, adapter_dir: Path, merged: Path) -> Check:
    """Check every tensor: W + (α/r)·BA within one rounding for q, k and v of the language model, equal elsewhere."""
    updates = adapter_updates(adapter_dir)
    wrong: list[str] = []
    num_merged, largest = 0, 0.0
    for (key, old), (_, new) in zip(_tensors(base_dir), _tensors(merged), strict=True):
        match = _LANGUAGE_QKV.fullmatch(key)
        if match is None:
            wrong += [] if torch.equal(old.view(torch.uint8), new.view(torch.uint8)) else [key]
            continue
        num_merged += 1
        update = updates.pop((int(match[1]), match[2]))
        expected = old.float() + update
        error = (new.float() - expected).abs()
        # One rounding is half a unit in the last place; the rest is for sums of fp32 products in another order.
        half_unit = torch.finfo(old.dtype).eps * 2.0 ** (torch.frexp(expected).exponent - 2)
        allowed = half_unit + 1e-6 * (old.float().abs() + update.abs())
        largest = max(largest, float(error.max()))
        wrong += [key] if bool((error > allowed).any()) else []
    wrong += [f"no tensor for the update of layer {layer} {kind}" for layer, kind in updates]
    figures = f"{num_merged} merged tensors, largest error {largest:.1e}; the others are byte-equal"
    return Check(
        "weights are W + (α/r)·BA",
        not wrong and num_merged > 0,
        figures if not wrong else f"wrong: {', '.join(wrong[:3])}",
    )


def adapter_updates(adapter_dir: Path) -> dict[tuple[int, str], torch.Tensor]:
    """Return (α/r)·BA in fp32 for every (layer, "q", "k" or "v"), from the adapter's file alone."""
    config = json.loads((adapter_dir / "adapter_config.json").read_text(encoding="utf-8"))
    scale = config["lora_alpha"] / (config["r"] ** 0.5 if config.get("use_rslora") else config["r"])
    with safe_open(adapter_dir / "adapter_model.safetensors", "pt") as file:
        weights = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
    updates = {}
    for key, a in weights.items():
        if match := re.fullmatch(r".*\blayers\.(\d+)\.self_attn\.([qkv])_proj\.lora_A\.weight", key):
            updates[int(match[1]), match[2]] = scale * weights[key.replace("lora_A", "lora_B")] @ a
    return updates


def check_behaviour(base_dir: Path, adapter_dir: Path, merged: Path) -> list[Check]:
    """Compare logits and greedy answers of base + adapter with those of the merged model on held-out samples."""
    rows = fixed_rows(adapter_dir)
    encoder = Encoder(family(str(base_dir)), load_processor(str(base_dir)))
    model = load_adapter(load_model(str(base_dir), dtype="auto"), adapter_dir)
    before = _behaviour(model, encoder, rows)
    del model
    encoder = Encoder(family(str(merged)), load_processor(str(merged)))
    model = load_model(str(merged), dtype="auto")
    after = _behaviour(model, encoder, rows)
    difference = (before[0] - after[0]).abs()
    tolerance = LOGIT_TOLERANCE[model.dtype] * float(before[0].abs().max())
    same = sum(a == b for a, b in zip(before[1], after[1], strict=True))
    return [
        Check(
            "logits equal base + adapter",
            float(difference.max()) <= tolerance,
            f"largest difference {difference.max():.1e}, mean {difference.mean():.1e}, tolerance {tolerance:.1e}",
        ),
        Check("greedy answers equal base + adapter", same == len(rows), f"{same} of {len(rows)} answers equal"),
    ]


def _behaviour(model: Any, encoder: Encoder, rows: Sequence[Mapping[str, Any]]) -> tuple[torch.Tensor, list[str]]:
    batch = encoder.training_batch(rows)
    supervised = batch.pop("labels")[:, 1:] >= 0
    model.eval()
    with torch.inference_mode():
        logits = model(**batch).logits[:, :-1][supervised].float()
    return logits, list(answer(model, encoder, rows, Generation(batch_size=len(rows))))


def fixed_rows(adapter_dir: Path) -> list[dict[str, Any]]:
    """Return held-out PGT rows, the same for every verification of a run."""
    recipe = adapter_dir / "recipe.yaml"
    canvas = str(read_values(recipe).get("canvas", "448")) if recipe.is_file() else "448"
    settings = Settings(Canvas.parse(canvas))
    make = (
        make_sample(index, seed=0, split="test", weights=default_weights(), settings=settings)
        for index in range(NUM_SAMPLES)
    )
    return [sample.to_row() for sample, _ in make]


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


def verify_and_report(merged: Path, run: str) -> bool:
    """Verify, print the checks, and write `verification.json`; return whether all passed.

    Raises:
        InputError: `run` holds no adapter.
    """
    checkpoint = resolve(run)
    if checkpoint.adapter_dir is None:
        raise InputError(f"{run}: holds no LoRA adapter to verify {merged} against")
    checks = verify(merged, checkpoint)
    passed = all(check.passed for check in checks)
    write_json(merged / "verification.json", {"passed": passed, "checks": [asdict(check) for check in checks]})
    table = Table(title=f"Verification of {merged}")
    for column in ("Check", "", "Figures"):
        table.add_column(column)
    for check in checks:
        table.add_row(check.name, "passed" if check.passed else "[bold red]FAILED", check.figures)
    console.print(table)
    return passed
