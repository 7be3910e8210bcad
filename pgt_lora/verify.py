"""Verification: that a merged checkpoint is its base plus the adapter, and nothing else."""

import filecmp
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rich.table import Table
from transformers import BatchFeature

from pgt_lora.build import default_weights, make_sample
from pgt_lora.checkpoint import Checkpoint, family, load_adapter, load_model, load_processor, resolve
from pgt_lora.dataset import file_digest, open_dataset, read_manifest, write_json
from pgt_lora.encoding import Encoder
from pgt_lora.errors import InputError
from pgt_lora.evaluate import Generation, answer, load_for_evaluation, predict
from pgt_lora.merge import companion_files, local_directory
from pgt_lora.progress import console
from pgt_lora.recipe import read_values
from pgt_lora.scene import Canvas
from pgt_lora.tasks.task import Settings
from pgt_lora.verify_weights import Check, check_keys, check_weights

# Largest difference of a logit, relative to the largest logit: sums of products are done in another order.
LOGIT_TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 3e-2, torch.float16: 4e-3}
NUM_SAMPLES = 16
MAX_CHANGED = 0.02  # share of held-out samples that may turn right or wrong by the rounding of the merged weights
VERIFICATION = "verification.json"


def verify(merged: Path, checkpoint: Checkpoint) -> list[Check]:
    """Check a merged checkpoint against its base and adapter; see `verification.json` for what is checked."""
    assert checkpoint.adapter_dir is not None
    base_dir = local_directory(checkpoint.base, checkpoint.revision)
    checks = [check_files(base_dir, merged), check_keys(base_dir, merged)]
    if checks[-1].passed:
        checks.append(check_weights(base_dir, checkpoint.adapter_dir, merged))
    if all(check.passed for check in checks):
        checks.extend(check_behaviour(base_dir, checkpoint.adapter_dir, merged))
        scores = checkpoint.adapter_dir.parent / "finetuned" / "pgt"
        checks += [check_scores(scores, merged)] if scores.is_dir() else []
    return checks


def check_files(base_dir: Path, merged: Path) -> Check:
    """Check that configuration, processor and chat template are the base's, byte for byte."""
    files = [path.name for path in companion_files(base_dir)]
    _, changed, missing = filecmp.cmpfiles(base_dir, merged, files, shallow=False)
    figures = f"{len(files)} files compared" + "".join(f"; {name} differs" for name in [*changed, *missing])
    return Check("files equal the base's", not changed and not missing, figures)


def check_behaviour(base_dir: Path, adapter_dir: Path, merged: Path) -> list[Check]:
    """Compare logits and greedy answers of base + adapter with those of the merged model on held-out samples."""
    rows = fixed_rows(adapter_dir)
    encoder = Encoder(family(str(base_dir)), load_processor(str(base_dir)))
    model = load_adapter(_load(base_dir), adapter_dir)
    before = _behaviour(model, encoder, rows)
    del model
    encoder = Encoder(family(str(merged)), load_processor(str(merged)))
    model = _load(merged)
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


def check_scores(scores: Path, merged: Path) -> Check:
    """Answer the held-out questions with the merged model, and compare with what base + adapter answered.

    Raises:
        InputError: the held-out samples are no longer there, or no longer those that were scored.
    """
    summary = json.loads((scores / "scores.json").read_text(encoding="utf-8"))
    data = Path(summary["data"])
    rows = open_dataset(data)
    if read_manifest(data)["content_hash"] != summary["content_hash"]:
        raise InputError(f"{data}: no longer what {scores} was scored on; score the adapter again")
    before = [json.loads(line)["correct"] for line in (scores / "predictions.jsonl").open(encoding="utf-8")]
    model, encoder = load_for_evaluation(str(merged))
    after = [each["correct"] for each in predict(model, encoder, rows, Generation(**summary["generation"]))]
    changed = sum(a != b for a, b in zip(before, after, strict=True))
    return Check(
        "scores equal base + adapter",
        changed <= MAX_CHANGED * len(rows),
        f"{sum(after)} of {len(rows)} right, {sum(before)} with the adapter; {changed} changed, at most "
        f"{MAX_CHANGED:.0%} may",
    )


def fingerprints(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a checkpoint or adapter, but for the verification itself."""
    files = sorted(path for path in directory.iterdir() if path.is_file() and path.name != VERIFICATION)
    return {path.name: file_digest(path) for path in files}


def _load(directory: Path) -> Any:
    return load_model(str(directory), dtype="auto", device_map="auto" if torch.cuda.is_available() else None)


def _behaviour(model: Any, encoder: Encoder, rows: Sequence[Mapping[str, Any]]) -> tuple[torch.Tensor, list[str]]:
    batch = BatchFeature(encoder.training_batch(rows)).to(model.device)
    supervised = batch.pop("labels")[:, 1:] >= 0
    batch = batch.to(model.dtype)  # casts pixels, not ids
    model.eval()
    with torch.inference_mode():
        logits = model(**batch).logits[:, :-1][supervised].float().cpu()
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
    found = {"passed": passed, "checks": [asdict(check) for check in checks]}
    # What is pushed later must be what was checked here.
    proven = {"merged": fingerprints(merged), "adapter": fingerprints(checkpoint.adapter_dir)}
    write_json(merged / VERIFICATION, found | {"sha256": proven})
    table = Table(title=f"Verification of {merged}")
    for column in ("Check", "", "Figures"):
        table.add_column(column)
    for check in checks:
        table.add_row(check.name, "passed" if check.passed else "[bold red]FAILED", check.figures)
    console.print(table)
    return passed
