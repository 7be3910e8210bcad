"""Another model's results on the same items, to be compared with."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import read_json, read_json_lines
from pgt_lora.evaluation.paired import Result, contrasts
from pgt_lora.studies.benchmarks.report import Reference, Report
from pgt_lora.studies.benchmarks.scores import Estimate, items_of


def against(report: Report, out: Path, reference: Path) -> Report:
    """Add the comparison with another model's results on the same items.

    Raises:
        InputError: there are none, or they are of other items.
    """
    ours, theirs = predictions_of(out), predictions_of(reference)
    shared = {each["task"] for each in ours} & {each["task"] for each in theirs}
    ours, theirs = ([each for each in every if each["task"] in shared] for every in (ours, theirs))
    if not shared or [each["id"] for each in ours] != [each["id"] for each in theirs]:
        raise InputError(f"--reference {reference}: has other items than {out}; benchmark both with the same settings")
    items = items_of(ours, "Benchmarks", out)
    names = reference.resolve().name, out.resolve().name
    if names[0] == names[1]:
        names = str(reference), str(out)
    (contrast,) = contrasts([Result(items, {names[0]: [theirs], names[1]: [ours]})], names)
    summary = read_json(reference / "scores.json")
    is_base = not summary["tuned"] and summary["base"] == report.facts["base"]
    kept = [each.name for each in fields(Estimate)]
    scores = {
        name: Estimate(**{key: score.get(key) for key in kept})
        for name, score in summary["benchmarks"].items()
        if name in report.scores
    }
    return replace(report, reference=Reference(names[0], is_base, scores, contrast))


def check_reference(directory: Path, prompts: str) -> None:
    """Check that a directory holds results that were asked in the same words.

    Raises:
        InputError: there are none, or they were asked otherwise.
    """
    predictions_of(directory)
    asked = read_json(directory / "scores.json").get("prompts", "lmms-eval")
    if asked != prompts:
        raise InputError(f"--reference {directory}: uses --prompts {asked}, not {prompts}; benchmark both alike")


def predictions_of(directory: Path) -> list[dict[str, Any]]:
    """Return the predictions of a benchmarked model.

    Raises:
        InputError: there are none.
    """
    path = directory / "predictions.jsonl"
    if not path.is_file():
        raise InputError(f"{directory}: no {path.name}; make it with: pgt-lora benchmark MODEL --out {directory}")
    return read_json_lines(path)
