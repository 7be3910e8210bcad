"""Verification: that a merged checkpoint is its base plus the adapter, and nothing else."""

import filecmp
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import read_json, write_json
from pgt_lora.core.machine import free_gpu
from pgt_lora.core.new_directory import MARKER
from pgt_lora.core.recipe_values import read_values
from pgt_lora.core.terminal import bold, console
from pgt_lora.data.generate import make_sample
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.data.weights import parse_weights
from pgt_lora.evaluation.evaluate import load_for_evaluation
from pgt_lora.export.behavior import behavior, check_behavior, check_scores
from pgt_lora.export.merge import CONFIG, check_dtype, companion_files, config_with, local_directory
from pgt_lora.export.record import VERIFICATION, changed_files, fingerprints
from pgt_lora.export.rounding import ROWS, rounding, supervised
from pgt_lora.export.verify_weights import Check, Subject, check_keys, check_weights
from pgt_lora.models.checkpoint import Checkpoint, load_processor
from pgt_lora.models.weight_files import INDEX, weight_files

NUM_SAMPLES = 16
STAGES = ("base", "finetuned")  # the folders of a run that hold scores


def verify(merged: Path, checkpoint: Checkpoint, dtype: str | None = None) -> list[Check]:
    """Check a merged checkpoint against its base and adapter; see `verification.json` for what is checked.

    With a `dtype`, it is the base cast to that type which is compared with.
    """
    assert checkpoint.adapter_dir is not None
    base_dir = local_directory(checkpoint.base, checkpoint.revision)
    try:
        checks = [check_files(base_dir, merged, dtype, checkpoint.adapter_dir), check_keys(base_dir, merged, dtype)]
    except InputError as error:  # files that cannot be read are no crash of the verification
        return [Check(Subject.FILES, False, str(error))]
    if all(check.passed for check in checks):  # a merged `.bin` has the right keys, and no file that is read here
        checks.append(check_weights(base_dir, checkpoint.adapter_dir, merged, dtype))
    if all(check.passed for check in checks):
        rows = fixed_rows(checkpoint.adapter_dir)
        tuned = Checkpoint(str(base_dir), checkpoint.adapter_dir)
        model, encoder = load_for_evaluation(tuned, dtype=dtype)
        before = behavior(model, encoder, rows)
        leeway = rounding(model, encoder, rows)
        with model.disable_adapter():
            base, _ = supervised(model, encoder, rows[:ROWS])
        del model
        free_gpu()
        model, encoder = load_for_evaluation(Checkpoint(str(merged)))
        checks += check_behavior(before, behavior(model, encoder, rows), model.dtype, leeway, base)
        run = checkpoint.adapter_dir.parent
        scored, of_base = score_directories(run), score_directories(run, ("base",))
        checks += [check_scores(scored, model, encoder, leeway, of_base)] if scored else []
    return checks


def score_directories(run: Path, stages: Sequence[str] = ("finetuned",)) -> list[Path]:
    """Return where a run's scores lie, set by set; those of the fine-tuned model are what the merged one is held to."""
    return [path.parent for stage in stages for path in sorted(run.glob(f"{stage}/*/scores.json"))]


def check_files(base_dir: Path, merged: Path, dtype: str | None = None, adapter_dir: Path | None = None) -> Check:
    """Check that configuration, processor and chat template are the base's, byte for byte, and nothing else is there.

    With a `dtype`, that field of the configuration is the one difference. The processor that an adapter brings is held
    to the base's by what it says, as it was written by Transformers.
    """
    files = [path.name for path in companion_files(base_dir)]
    _, changed, missing = filecmp.cmpfiles(base_dir, merged, files, shallow=False)
    figures = f"{len(files)} files compared"
    if dtype and CONFIG in changed:
        config = read_json(merged / CONFIG)
        changed = [name for name in changed if name != CONFIG or config != config_with(base_dir, dtype)]
        figures += f", {CONFIG} but for the type {dtype}"
    weights = [path.name for path in weight_files(merged)]
    known = {*files, *weights, VERIFICATION, MARKER, *([INDEX] if len(weights) > 1 else [])}
    foreign = sorted(path.name for path in merged.iterdir() if path.name not in known or path.suffix == ".bin")
    figures += "".join(f"; {name} differs" for name in [*changed, *missing])
    figures += "".join(f"; {name} is not of the base" for name in foreign)
    other = (
        other_parts(base_dir, adapter_dir) if adapter_dir and (adapter_dir / "processor_config.json").is_file() else []
    )
    figures += "".join(f"; the adapter's {name} is not the base's" for name in other)
    return Check(Subject.FILES, not (changed or missing or foreign or other), figures)


def other_parts(base_dir: Path, adapter_dir: Path) -> list[str]:
    """Return the parts of an adapter's processor that are not its base's."""
    ours, theirs = (_parts(load_processor(str(directory))) for directory in (base_dir, adapter_dir))
    return [name for name in ours if ours[name] != theirs[name]]


def _parts(processor: Any) -> dict[str, str]:
    return {
        "chat template": str(processor.chat_template),
        "image processor": processor.image_processor.to_json_string(),
        "tokenizer": processor.tokenizer.backend_tokenizer.to_str(),
    }


def fixed_rows(adapter_dir: Path) -> list[dict[str, Any]]:
    """Return held-out PGT rows, the same for every verification of a run."""
    recipe = adapter_dir / "recipe.yaml"
    canvas = str(read_values(recipe).get("canvas", "448")) if recipe.is_file() else "448"
    settings = TaskSettings(Canvas.parse(canvas))
    make = (
        make_sample(index, seed=0, split="test", weights=parse_weights("families"), settings=settings)
        for index in range(NUM_SAMPLES)
    )
    return [sample.to_row() for sample, _ in make]


def verify_and_report(merged: Path, checkpoint: Checkpoint, dtype: str | None = None) -> bool:
    """Verify, print the checks, and write `verification.json`; return whether all passed.

    Raises:
        InputError: the checkpoint holds no adapter, or a file was replaced meanwhile.
    """
    if checkpoint.adapter_dir is None:
        raise InputError(f"{checkpoint.base}: holds no LoRA adapter to verify {merged} against")
    if not merged.is_dir():
        raise InputError(f"{merged}: no such directory; name a merged checkpoint")
    check_dtype(dtype)
    # What is pushed later must be what was checked here, and the scores that its card shows what they were.
    read = directories_read(merged, checkpoint.adapter_dir)
    proven = {name: fingerprints(path) for name, path in read.items()}
    checks = verify(merged, checkpoint, dtype)
    check_unchanged(merged, read, proven)
    passed = all(check.passed for check in checks)
    found = {"passed": passed, "checks": [asdict(check) for check in checks], "dtype": dtype}
    table = Table(title=f"Verification of {merged}")
    for column in ("Check", "", "Figures"):
        table.add_column(column)
    for check in checks:
        table.add_row(check.name, "passed" if check.passed else bold("FAILED", "bold red"), check.figures)
    console.print(table)  # first, as the checkpoint may lie where nothing can be written
    write_json(merged / VERIFICATION, found | {"sha256": proven})
    return passed


def directories_read(merged: Path, adapter_dir: Path) -> dict[str, Path]:
    """Return the directories that a verification reads, by their names in a run."""
    run = adapter_dir.parent
    scores = {path.relative_to(run).as_posix(): path for path in score_directories(run, STAGES)}
    return {"merged": merged, "adapter": adapter_dir, **scores}


def check_unchanged(merged: Path, read: Mapping[str, Path], proven: Mapping[str, Mapping[str, str]]) -> None:
    """Check that the files which were read are those of before, as a verification may take hours.

    Raises:
        InputError: one was changed, or has come or gone.
    """
    for name, path in read.items():
        if changed := changed_files(path, proven[name]):
            raise InputError(
                f"{path / changed[0]}: changed while {merged} was verified, so nothing is proven; verify it again"
            )
