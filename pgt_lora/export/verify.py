"""Verification: that a merged checkpoint is its base plus the adapter, and nothing else."""

import filecmp
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rich.table import Table
from transformers import BatchFeature

from pgt_lora.core.errors import InputError, exit_on_input_error
from pgt_lora.core.recipe import read_values
from pgt_lora.core.terminal import console, hide_noise
from pgt_lora.core.workspace import data_directory
from pgt_lora.data.directory import file_digest, open_dataset, read_manifest, write_json
from pgt_lora.data.generate import default_weights, make_sample
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.evaluation.evaluate import load_encoder, predict
from pgt_lora.evaluation.generation import Generation, answer
from pgt_lora.export.merge import CONFIG, companion_files, config_with, local_directory
from pgt_lora.export.verify_weights import Check, Subject, check_keys, check_weights
from pgt_lora.models.checkpoint import Checkpoint, adapter_checkpoint, load_adapter, load_model
from pgt_lora.models.encoding import Encoder

# Largest difference of a logit, relative to the largest logit: sums of products are done in another order.
LOGIT_TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 3e-2, torch.float16: 4e-3}
NUM_SAMPLES = 16
MAX_CHANGED = 0.02  # share of held-out samples that may turn right or wrong by the rounding of the merged weights
VERIFICATION = "verification.json"


def verify(merged: Path, checkpoint: Checkpoint, dtype: str | None = None) -> list[Check]:
    """Check a merged checkpoint against its base and adapter; see `verification.json` for what is checked.

    With a `dtype`, it is the base cast to that type which is compared with.
    """
    assert checkpoint.adapter_dir is not None
    base_dir = local_directory(checkpoint.base, checkpoint.revision)
    checks = [check_files(base_dir, merged, dtype), check_keys(base_dir, merged, dtype)]
    if checks[-1].passed:
        checks.append(check_weights(base_dir, checkpoint.adapter_dir, merged, dtype))
    if all(check.passed for check in checks):
        rows = fixed_rows(checkpoint.adapter_dir)
        before = behaviour(load_adapter(_load(base_dir, dtype), checkpoint.adapter_dir), _encoder(base_dir), rows)
        model, encoder = _load(merged), _encoder(merged)
        checks += check_behaviour(before, behaviour(model, encoder, rows), model.dtype)
        scores = checkpoint.adapter_dir.parent / "finetuned" / "pgt"
        checks += [check_scores(scores, model, encoder)] if scores.is_dir() else []
    return checks


def check_files(base_dir: Path, merged: Path, dtype: str | None = None) -> Check:
    """Check that configuration, processor and chat template are the base's, byte for byte.

    With a `dtype`, that field of the configuration is the one difference.
    """
    files = [path.name for path in companion_files(base_dir)]
    _, changed, missing = filecmp.cmpfiles(base_dir, merged, files, shallow=False)
    figures = f"{len(files)} files compared"
    if dtype and CONFIG in changed:
        config = json.loads((merged / CONFIG).read_text(encoding="utf-8"))
        changed = [name for name in changed if name != CONFIG or config != config_with(base_dir, dtype)]
        figures += f", {CONFIG} but for the type {dtype}"
    figures += "".join(f"; {name} differs" for name in [*changed, *missing])
    return Check(Subject.FILES, not changed and not missing, figures)


def check_behaviour(
    before: tuple[torch.Tensor, list[str]], after: tuple[torch.Tensor, list[str]], dtype: torch.dtype
) -> list[Check]:
    """Compare logits and greedy answers of base + adapter with those of the merged model, computed in `dtype`."""
    difference = (before[0] - after[0]).abs()
    tolerance = LOGIT_TOLERANCE[dtype] * float(before[0].abs().max())
    same = sum(a == b for a, b in zip(before[1], after[1], strict=True))
    return [
        Check(
            Subject.LOGITS,
            float(difference.max()) <= tolerance,
            f"largest difference {difference.max():.1e}, mean {difference.mean():.1e}, tolerance {tolerance:.1e}",
        ),
        Check(Subject.ANSWERS, same == len(after[1]), f"{same} of {len(after[1])} answers equal"),
    ]


def check_scores(scores: Path, model: Any, encoder: Encoder) -> Check:
    """Answer the held-out questions with the merged model, and compare with what base + adapter answered.

    Raises:
        InputError: the held-out samples are no longer there, or no longer those that were scored.
    """
    summary = json.loads((scores / "scores.json").read_text(encoding="utf-8"))
    data = Path(summary["data"])
    if not data.is_dir():  # moved together with the kit's directory
        data = data_directory(data.name)
    rows = open_dataset(data)
    if read_manifest(data)["content_hash"] != summary["content_hash"]:
        raise InputError(f"{data}: no longer what {scores} was scored on; score the adapter again")
    before = [json.loads(line)["correct"] for line in (scores / "predictions.jsonl").open(encoding="utf-8")]
    after = [each["correct"] for each in predict(model, encoder, rows, Generation(**summary["generation"]))]
    changed = sum(a != b for a, b in zip(before, after, strict=True))
    return Check(
        Subject.SCORES,
        changed <= MAX_CHANGED * len(rows),
        f"{sum(after)} of {len(rows)} right, {sum(before)} with the adapter; {changed} changed, at most "
        f"{MAX_CHANGED:.0%} may",
    )


def fingerprints(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a checkpoint or adapter, but for the verification itself."""
    files = sorted(path for path in directory.iterdir() if path.is_file() and path.name != VERIFICATION)
    return {path.name: file_digest(path) for path in files}


def changed_files(directory: Path, then: Mapping[str, str]) -> list[str]:
    """Return the names of the files of a directory that are no longer what their hashes were."""
    now = fingerprints(directory)
    return sorted(file for file in now.keys() | then.keys() if now.get(file) != then.get(file))


def _load(directory: Path, dtype: str | None = None) -> Any:
    return load_model(str(directory), dtype=dtype or "auto", device_map="auto" if torch.cuda.is_available() else None)


def _encoder(directory: Path) -> Encoder:
    return load_encoder(Checkpoint(str(directory)))


def behaviour(model: Any, encoder: Encoder, rows: Sequence[Mapping[str, Any]]) -> tuple[torch.Tensor, list[str]]:
    """Return a model's logits at the supervised positions, shape (positions, vocabulary), and its greedy answers."""
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
    settings = TaskSettings(Canvas.parse(canvas))
    make = (
        make_sample(index, seed=0, split="test", weights=default_weights(), settings=settings)
        for index in range(NUM_SAMPLES)
    )
    return [sample.to_row() for sample, _ in make]


def verify_and_report(merged: Path, checkpoint: Checkpoint, dtype: str | None = None) -> bool:
    """Verify, print the checks, and write `verification.json`; return whether all passed.

    Raises:
        InputError: the checkpoint holds no adapter.
    """
    if checkpoint.adapter_dir is None:
        raise InputError(f"{checkpoint.base}: holds no LoRA adapter to verify {merged} against")
    checks = verify(merged, checkpoint, dtype)
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


if __name__ == "__main__":  # the fresh process after a merge: MERGED ADAPTER [DTYPE]
    hide_noise()
    with exit_on_input_error():
        sys.exit(not verify_and_report(Path(sys.argv[1]), adapter_checkpoint(Path(sys.argv[2])), *sys.argv[3:]))
