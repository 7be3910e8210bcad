"""What was scored under a directory's name: a run, a comparison, or a benchmarked model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import read_json
from pgt_lora.core.typed import typed
from pgt_lora.evaluation.paired import BASE
from pgt_lora.evaluation.score_files import SCORES, read_facts
from pgt_lora.models.names import STARTED
from pgt_lora.studies.compare.directory import ASKED, RESULTS, base_name, short_hash


@dataclass(frozen=True)
class Scored:
    """One model's answers: where they lie, by the content hash of what was asked.

    `key` is the same for runs that differ in nothing but their seed.
    """

    base: str
    arm: str
    key: str
    seed: int | None
    sets: Mapping[str, Path]
    home: Path


@dataclass(frozen=True)
class Benchmarked:
    """What `pgt-lora benchmark` wrote of one model."""

    home: Path
    facts: Mapping[str, Any]

    @property
    def base(self) -> str:
        """The checkpoint that the model is, or was trained from."""
        return str(self.facts["base"])


def read_all(directories: Sequence[Path]) -> tuple[list[Scored], list[Benchmarked]]:
    """Return what was scored in directories, in their order; of a base that several runs scored, the first scores.

    Raises:
        InputError: a directory is none of a run, a comparison and a benchmarked model, or is not finished.
    """
    scored: dict[tuple[str, str, int | None], Scored] = {}
    benchmarked = []
    for directory in directories:
        if (directory / SCORES).is_file() and "benchmarks" in (facts := read_facts(directory)):
            benchmarked.append(Benchmarked(directory, facts))
            continue
        for each in read_scored(directory):
            before = scored.setdefault((each.base, each.key, each.seed), each)
            merged = {**each.sets, **before.sets}
            scored[each.base, each.key, each.seed] = Scored(
                before.base, before.arm, before.key, before.seed, merged, before.home
            )
    return list(scored.values()), benchmarked


def read_scored(directory: Path) -> list[Scored]:
    """Return the models of a run or of a comparison, the base first.

    Raises:
        InputError: the directory is neither, or is not finished.
    """
    if (directory / STARTED).is_file():
        return _run(directory)
    if (directory / ASKED).is_file() and "arms" in read_json(directory / ASKED):
        return _comparison(directory)
    raise InputError(f"{directory}: holds no scores of a run, a comparison or a benchmark; pgt-lora runs lists them")


def _run(run: Path) -> list[Scored]:
    if not _sets(run / "finetuned"):
        raise InputError(f"{run}: not scored after training yet; finish it with: {typed('run', run)}")
    base, key, seed = _identity(run)
    before = Scored(base, BASE, BASE, None, _sets(run / "base"), run)
    after = Scored(base, run.resolve().name, key, seed, _sets(run / "finetuned"), run)
    return [before, after] if before.sets else [after]


def _comparison(out: Path) -> list[Scored]:
    if not (out / RESULTS).is_file():
        raise InputError(f"{out}: an unfinished comparison; run the same command to resume it")
    runs = read_json(out / RESULTS)["runs"]
    trained = [out / "arms" / run["name"] for run in runs if run["seed"] is not None]
    asked = read_json(out / ASKED)
    base = _identity(trained[0])[0] if trained else str(asked.get("base", asked["model"]))  # older ones have no base
    found = []
    for run in runs:
        own = out / "arms" / run["name"]
        key = _identity(own)[1] if run["seed"] is not None else BASE if run["arm"] == BASE else run["name"]
        found.append(Scored(base, run["arm"], key, run["seed"], _sets(out / "scores" / run["name"]), out))
    return found


def _identity(run: Path) -> tuple[str, str, int]:
    """Return a run's base, what it shares with runs of other seeds, and its seed (TRL's default is 42)."""
    started = read_json(run / STARTED)
    values = started["recipe"]
    shared = {name: value for name, value in values.items() if name != "seed"}
    return base_name(values), short_hash([shared, started["content_hash"]]), values.get("seed", 42)


def _sets(directory: Path) -> dict[str, Path]:
    paths = sorted(directory.glob(f"*/{SCORES}"))
    return {read_facts(path.parent)["content_hash"]: path.parent for path in paths}
