"""Another model's results on the same items, to be compared with."""

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import read_json, read_json_lines
from pgt_lora.evaluation.paired import Result, contrasts
from pgt_lora.studies.benchmarks.report import Reference, Report
from pgt_lora.studies.benchmarks.scores import Estimate, items_of

ASKED = "asked.json"
ALIKE = "benchmark both with the same settings"


def against(report: Report, out: Path, reference: Path) -> Report:
    """Add the comparison with another model's results on the same items.

    Raises:
        InputError: there are none, or they are of other items.
    """
    ours, theirs = same_items(out, reference)
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


def same_items(ours: Path, theirs: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return what two models answered of what both were asked, one item beside the other.

    Raises:
        InputError: that is nothing, or they were asked other items, or otherwise.
    """
    one, other = predictions_of(ours), predictions_of(theirs)
    shared = {each["task"] for each in one} & {each["task"] for each in other}
    one, other = ([each for each in every if each["task"] in shared] for every in (one, other))
    if not shared or [each["id"] for each in one] != [each["id"] for each in other]:
        raise InputError(f"{theirs}: has other items than {ours}; {ALIKE}")
    if (ours / ASKED).is_file():
        check_asked(theirs, read_json(ours / ASKED))
    return one, other


def check_asked(directory: Path, asked: Mapping[str, Any]) -> None:
    """Check that a directory's model was asked as `asked` says, which is what `asked.json` holds.

    Ids alone do not tell: those of generated items are alike whatever they were generated with.

    Raises:
        InputError: a set that both were asked held other rows then, or answers were decided otherwise, or could be
            longer or shorter.
    """
    if not (directory / ASKED).is_file():
        return
    before = read_json(directory / ASKED)
    for task in before["sets"].keys() & asked["sets"].keys():
        if before["sets"][task] != asked["sets"][task]:
            raise InputError(f"{directory}: was asked other rows under the name {task}; {ALIKE}")
    for option, of in (("--by", lambda each: each.get("by")), ("--max-new-tokens", _longest)):
        if of(before) != of(asked):
            told = (of(each) or "left out" for each in (before, asked))
            raise InputError(f"{directory}: was asked with {option} {' and not '.join(map(str, told))}; {ALIKE}")


def _longest(asked: Mapping[str, Any]) -> Any:
    """Return how long an answer could be, which in the paper's form the recipe says where no option does."""
    generation = asked.get("facts", {}).get("generation", {})
    return generation.get("max_new_tokens", asked["max_new_tokens"])


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
