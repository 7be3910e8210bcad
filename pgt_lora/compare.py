"""The comparison in one command: arms of one budget, trained and scored on the same items, and told from noise.

Every run has a directory that is named by what makes it: the recipe's values with the seed, the data and the versions.
So what is finished is found again, and nothing is ever replaced by something else.
"""

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pgt_lora.arms import BASE, arm_data, parse_arms
from pgt_lora.compare_report import Page, print_results, write_pages
from pgt_lora.dataset import read_manifest, write_json
from pgt_lora.errors import InputError
from pgt_lora.progress import console
from pgt_lora.recipe import ROOT, Recipe, build_recipe
from pgt_lora.report import TITLES
from pgt_lora.results import contrasts, read_items, read_result
from pgt_lora.run import pgt_data, recipe_for, score, skill_data
from pgt_lora.train import VERSIONS, finetune

ASKED = "asked.json"  # marks the directory of a comparison


@dataclass(frozen=True)
class Run:
    """One arm with one seed. `recipe` holds the seed; `data` is None for the base model, which has no seed."""

    arm: str
    recipe: Recipe
    data: Path | None

    @property
    def name(self) -> str:
        """The name of the run's directories, which ends in the hash of what makes it."""
        made_of: dict[str, Any] = {"versions": {name: version(name) for name in VERSIONS}}
        if self.data:
            made_of |= {"recipe": dict(self.recipe.values), "content_hash": read_manifest(self.data)["content_hash"]}
        else:
            model, kit = self.recipe.model, self.recipe.kit
            made_of |= {"base": [self.recipe.base, model.model_revision, model.dtype, kit.max_new_tokens]}
        seed = f"-seed{self.recipe.sft.seed}" if self.data else ""
        return f"{self.arm}{seed}-{short_hash(made_of)}"


def short_hash(value: Any) -> str:
    """Return twelve hexadecimal digits that stand for a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:12]


def compare(
    model: str, arms: str, seeds: str, data: Sequence[Path], out: Path | None, overrides: Sequence[str],
    overwrite: bool = False,
) -> None:  # fmt: skip
    """Train the arms, score them on the same items, and write what differs by more than noise.

    Raises:
        InputError: an arm, a seed, a directory or the recipe cannot be used; nothing was trained then.
    """
    recipe = recipe_for(model, overrides)
    names, numbers = parse_arms(arms), parse_seeds(seeds)
    out = out or ROOT / "runs" / f"{recipe.name}-compare"
    take(out)
    tests = evaluation_sets(recipe, data)
    datasets = arm_data(recipe, names)
    check_held_out(tests, datasets)
    runs = plan(recipe, [arm.name for arm in names], datasets, numbers)
    asked = {"model": model, "arms": arms, "seeds": seeds, "data": [str(each) for each in data]}
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / ASKED, asked | {"overrides": list(overrides)})
    if overwrite:
        for each in runs:
            shutil.rmtree(out / "arms" / each.name, ignore_errors=True)
            shutil.rmtree(out / "scores" / each.name, ignore_errors=True)
    for each in runs:
        train_and_score(each, tests, out)
    results = [
        read_result(read_items(TITLES.get(title, title), path), score_directories(runs, out / "scores", title, path))
        for title, path in tests.items()
    ]
    page = Page(
        recipe=recipe,
        arms=[arm.name for arm in names],
        seeds=numbers,
        results=results,
        contrasts=contrasts(results, [arm.name for arm in names]),
        runs=[describe(each, out) for each in runs],
        command=command(model, arms, seeds, data, out, overrides),
    )
    write_pages(page, out)
    print_results(page)
    console.print(f"Report: open {(out / 'report.html').resolve().as_uri()}", soft_wrap=True)


def parse_seeds(text: str) -> list[int]:
    """Read `0,1,2`.

    Raises:
        InputError: a seed is no whole number of zero or more, or is given twice.
    """
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() for word in words) or len({int(word) for word in words}) < len(words):
        raise InputError(f"seeds {text!r}: write different whole numbers, such as 0,1,2")
    return [int(word) for word in words]


def take(out: Path) -> None:
    """Check that a directory is new, empty or a comparison's.

    Raises:
        InputError: it is something else.
    """
    if out.exists() and not (out.is_dir() and ((out / ASKED).is_file() or not any(out.iterdir()))):
        raise InputError(f"{out}: not empty and not a comparison's directory; choose another --out")


def evaluation_sets(recipe: Recipe, data: Sequence[Path]) -> dict[str, Path]:
    """Return the evaluation sets by name: those given, or held-out PGT and, where the recipe says so, the skills.

    Raises:
        InputError: one cannot be used, or two have the same name.
    """
    if not data:
        tests = {"pgt": pgt_data(recipe, "test", recipe.kit.num_test_samples)}
        return tests | ({"skills": skill_data()} if recipe.kit.skills else {})
    given: dict[str, Path] = {}
    for path in data:
        read_manifest(path)
        name = path.resolve().name
        if name in given:
            raise InputError(f"--data {path}: another evaluation set is named {name}, too; rename one")
        given[name] = path
    return given


def check_held_out(tests: Mapping[str, Path], datasets: Mapping[str, Path]) -> None:
    """Check that no arm is trained on an evaluation set.

    Raises:
        InputError: one is.
    """
    for test in tests.values():
        for arm, data in datasets.items():
            if read_manifest(test)["content_hash"] == read_manifest(data)["content_hash"]:
                raise InputError(f"--data {test}: arm {arm} is trained on these items; give held-out ones")


def plan(recipe: Recipe, arms: Sequence[str], datasets: Mapping[str, Path], seeds: Sequence[int]) -> list[Run]:
    """Return every run, one seed after the other; runs with the same seed see their samples in the same order."""
    runs = [Run(BASE, recipe, None)] if BASE in arms else []
    for seed in seeds:
        for arm in datasets:
            values = {**recipe.values, "seed": seed}
            runs.append(Run(arm, build_recipe(recipe.name, recipe.name, values), datasets[arm]))
    return runs


def train_and_score(run: Run, tests: Mapping[str, Path], out: Path) -> None:
    """Do what of a run is not done yet."""
    directory = out / "arms" / run.name
    if run.data and not (directory / "adapter").exists():
        console.print(f"Training {run.name}")
        finetune(run.recipe, run.data, directory)
    named = {score_name(test, path): path for test, path in tests.items()}
    score(run.recipe, str(directory) if run.data else run.recipe.base, named, out / "scores" / run.name)
    if not (out / "scores" / run.name / "hardware.json").exists():
        write_json(out / "scores" / run.name / "hardware.json", hardware())


def score_name(test: str, path: Path) -> str:
    """Return the name under which scores on an evaluation set are kept, which ends in what its content hash begins."""
    return f"{test}-{read_manifest(path)['content_hash'][:12]}"


def score_directories(runs: Sequence[Run], scores: Path, test: str, path: Path) -> dict[str, list[Path]]:
    """Return where the scores on an evaluation set lie, by arm, in the order of the seeds."""
    found: dict[str, list[Path]] = {}
    for run in runs:
        found.setdefault(run.arm, []).append(scores / run.name / score_name(test, path))
    return found


def hardware() -> str:
    """Return what this machine computes on: its GPUs, or its processor."""
    import torch

    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} × {torch.cuda.get_device_name()}"
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    name = names[0].partition(":")[2].strip() if names else platform.processor() or platform.machine()
    return f"{os.cpu_count()} × {name}"


def describe(run: Run, out: Path) -> dict[str, Any]:
    """Return what the report says of a run: its seed, data, loss, time, tokens, versions, hardware and directory."""
    facts: dict[str, Any] = {
        "arm": run.arm,
        "name": run.name,
        "seed": run.recipe.sft.seed if run.data else None,
        "hardware": json.loads((out / "scores" / run.name / "hardware.json").read_text(encoding="utf-8")),
    }
    if not run.data:
        return facts
    adapter = out / "arms" / run.name / "adapter"
    manifest = read_manifest(run.data)
    return facts | {
        "data": str(run.data),
        "num_samples": manifest["num_samples"],
        "counts": manifest["counts"],
        "training": json.loads((adapter / "run.json").read_text(encoding="utf-8")),
        "loss": json.loads((adapter / "loss.json").read_text(encoding="utf-8")),
    }


def command(model: str, arms: str, seeds: str, data: Sequence[Path], out: Path, overrides: Sequence[str]) -> str:
    """Return the command that makes this comparison."""
    import shlex

    given = [word for path in data for word in ("--data", str(path))]
    words = ["pgt-lora", "compare", model, "--arms", arms, "--seeds", seeds, *given, "--out", str(out), *overrides]
    return shlex.join(words)
