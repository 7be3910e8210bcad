"""The comparison in one command: arms of one budget, trained and scored on the same items, and told from noise."""

import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import write_json
from pgt_lora.core.new_directory import check_replaceable
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.terminal import console
from pgt_lora.core.workspace import run_directory
from pgt_lora.data.directory import read_manifest
from pgt_lora.data.pgt import pgt_data
from pgt_lora.evaluation.paired import contrasts, read_items, read_result
from pgt_lora.models.names import Named
from pgt_lora.studies.before_after.report import TITLES
from pgt_lora.studies.compare.arms import arm_adapters, arm_data, parse_arms
from pgt_lora.studies.compare.report import Page, print_results, write_pages
from pgt_lora.studies.compare.runs import describe, plan, score_directories, shared_images, train_and_score
from pgt_lora.tiny.skills import skill_data

ASKED = "asked.json"  # marks the directory of a comparison


def compare(
    named: Named, arms: str, seeds: str, data: Sequence[Path], out: Path | None, overrides: Sequence[str] = (),
    overwrite: bool = False,
) -> None:  # fmt: skip
    """Train the arms, score them on the same items, and write what differs by more than noise.

    `overrides` are what was typed beside the model's name, for the report to say.

    Raises:
        InputError: an arm, a seed, a directory or the recipe cannot be used; nothing was trained then.
    """
    model, recipe = named.name, named.recipe
    names, numbers = parse_arms(arms), parse_seeds(seeds)
    out = out or run_directory(f"{recipe.name}-compare")
    take(out, overwrite)
    tests = evaluation_sets(recipe, data)
    adapters = arm_adapters(recipe, names)
    datasets = arm_data(recipe, names)
    check_held_out(tests, datasets)
    runs = plan(recipe, [arm.name for arm in names], datasets, adapters, numbers)
    asked = {"model": model, "arms": arms, "seeds": seeds, "data": [str(each) for each in data]}
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / ASKED, asked | {"overrides": list(overrides)})
    if overwrite:
        for each in runs:
            for kind in ("arms", "scores"):
                shutil.rmtree(out / kind / each.name, ignore_errors=True)
    for each in runs:
        train_and_score(each, tests, out)
    results = [
        read_result(
            read_items(title if data else TITLES[title], path), score_directories(runs, out / "scores", title, path)
        )
        for title, path in tests.items()
    ]
    page = Page(
        recipe=recipe,
        arms=[arm.name for arm in names],
        seeds=numbers,
        results=results,
        contrasts=contrasts(results, [arm.name for arm in names]),
        runs=[describe(each, out) for each in runs],
        shared_images={arm: shared_images(tests, path) for arm, path in datasets.items()},
        command=command(model, arms, seeds, data, out, overrides),
    )
    print_results(page)
    write_pages(page, out)
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


def take(out: Path, overwrite: bool = False) -> None:
    """Check that a directory is new, empty or a comparison's, and that its runs may be replaced where they are to be.

    Raises:
        InputError: it is something else.
    """
    if out.exists() and not (out.is_dir() and ((out / ASKED).is_file() or not any(out.iterdir()))):
        raise InputError(f"{out}: not empty and not a comparison's directory; choose another --out")
    if overwrite and out.exists():
        check_replaceable(out)


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


def command(model: str, arms: str, seeds: str, data: Sequence[Path], out: Path, overrides: Sequence[str]) -> str:
    """Return the command that makes this comparison."""
    given = [word for path in data for word in ("--data", str(path))]
    words = ["pgt-lora", "compare", model, "--arms", arms, "--seeds", seeds, *given, "--out", str(out), *overrides]
    return shlex.join(words)
