"""The runs of a directory: model, data, how far each came, what it scored, and whether its merged model is proven."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from pgt_lora.core.files import read_json
from pgt_lora.core.html import percent
from pgt_lora.core.terminal import console
from pgt_lora.data.mix.terms import sources_of
from pgt_lora.evaluation.held_out import title
from pgt_lora.evaluation.score_files import SCORES, read_scores
from pgt_lora.export.record import VERIFICATION, has_passed
from pgt_lora.models.names import STARTED
from pgt_lora.studies.compare.directory import ASKED, RESULTS
from pgt_lora.studies.tables.table import model_name
from pgt_lora.training.run_directory import given_to

GRACE_S = 60  # in which a run's files may be written, or copied, behind their proof


@dataclass(frozen=True)
class Entry:
    """One directory: a run, a comparison or a benchmarked model."""

    name: str
    model: str
    data: str
    state: str
    scores: str
    verified: str
    changed: datetime


def entries(directory: Path) -> list[Entry]:
    """Return what lies in a directory of runs, what was changed last first."""
    found = []
    for path in sorted(each for each in directory.iterdir() if each.is_dir()):
        try:
            entry = _entry(path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = " ".join(str(error).split())
            entry = Entry(path.name, "", "", f"cannot be read: {reason}", "", "", _changed(path))
        found += [entry] if entry else []
    return sorted(found, key=lambda each: each.changed, reverse=True)


def _entry(path: Path) -> Entry | None:
    if (path / STARTED).is_file():
        values = read_json(path / STARTED)["recipe"]
        model = model_name(values["model_name_or_path"])
        return Entry(path.name, model, _data(path), _state(path), _scores(path), _verified(path), _changed(path))
    if not (path / ASKED).is_file():
        return None
    asked = read_json(path / ASKED)
    if "arms" in asked:
        state = "compared" if (path / RESULTS).is_file() else "unfinished comparison"
        what = asked.get("preset") or ", ".join(map(str, asked["arms"]))
        return Entry(path.name, model_name(asked["model"]), what, state, _compared(path), "", _changed(path))
    state = "benchmarked" if (path / SCORES).is_file() else "unfinished benchmark"
    return Entry(path.name, asked["model"], ", ".join(asked["benchmarks"]), state, "", "", _changed(path))


def _data(run: Path) -> str:
    """Return what a run was trained on: known once it is trained, before what it was given, or a hash."""
    if not (run / "adapter" / "run.json").is_file():
        return str(given_to(run).data or read_json(run / STARTED)["content_hash"][:12])
    manifest = read_json(run / "adapter" / "run.json")["data"]
    return f"{manifest['num_samples']:,} of {', '.join(sources_of(manifest))}"


def _state(run: Path) -> str:
    if (run / "merged" / VERIFICATION).is_file():
        return "merged"
    if (run / "finetuned").is_dir() and any((run / "finetuned").glob(f"*/{SCORES}")):
        return "scored"
    if (run / "adapter").is_dir():
        return "trained"
    checkpoints = (run / "checkpoints").glob("checkpoint-*")
    steps = [int(each.name.removeprefix("checkpoint-")) for each in checkpoints if each.name[11:].isdigit()]
    return f"saved after step {max(steps)}" if steps else "begun"


def _scores(run: Path) -> str:
    """Return the mean over the tasks of every set, before and after."""
    lines = []
    for after in sorted((run / "finetuned").glob(f"*/{SCORES}")):
        name = after.parent.name
        before = run / "base" / name
        first = f"{_mean(before)} → " if (before / SCORES).is_file() else ""
        lines.append(f"{title(name)}: {first}{_mean(after.parent)}")
    return "\n".join(lines)


def _mean(directory: Path) -> str:
    return percent(fmean(score.accuracy for score in read_scores(directory).values()))


def _compared(path: Path) -> str:
    """Return the last column (the mean, where there are several tasks) of the first set, arm by arm."""
    if not (path / RESULTS).is_file():
        return ""
    scores: list[Mapping[str, Any]] = read_json(path / RESULTS)["scores"]
    first = scores[0]["set"]
    of_arm = {each["arm"]: each["value"] for each in scores if each["set"] == first}
    return "\n".join([f"{first}:", *(f"{arm} {percent(value)}" for arm, value in of_arm.items())])


def _verified(run: Path) -> str:
    if not (run / "merged" / VERIFICATION).is_file():
        return ""
    if not has_passed(run / "merged"):
        return "FAILED"
    proven = (run / "merged" / VERIFICATION).stat().st_mtime
    parts = (run / "merged", run / "adapter", *run.glob("base/*"), *run.glob("finetuned/*"))
    files = (each for part in parts for each in part.iterdir() if each.is_file())
    return "passed; files are newer" if any(each.stat().st_mtime > proven + GRACE_S for each in files) else "passed"


def _changed(path: Path) -> datetime:
    times = [each.stat().st_mtime for each in (path, *path.iterdir())]
    return datetime.fromtimestamp(max(times))


def print_entries(directory: Path, found: list[Entry]) -> None:
    """Print the runs of a directory."""
    if not found:
        console.print(f"{directory}: no runs; pgt-lora run makes one", soft_wrap=True)
        return
    table = Table(title=str(directory), caption="Scores: mean accuracy in %.", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("Run", "Model", "Data", "State", "Scores", "Verified", "Changed"):
        table.add_column(name, overflow="fold", no_wrap=name == "Model")
    for each in found:
        changed = f"{each.changed:%m-%d %H:%M}"
        table.add_row(each.name, each.model, each.data, each.state, each.scores, each.verified, changed)
    console.print(table)
