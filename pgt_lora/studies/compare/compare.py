"""The comparison in one command: arms of one budget, trained and scored on the same items, and told from noise."""

import shlex
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import write_json
from pgt_lora.core.lock import alone
from pgt_lora.core.new_directory import check_replaceable
from pgt_lora.core.terminal import console
from pgt_lora.core.workspace import run_directory
from pgt_lora.evaluation.held_out import check_held_out
from pgt_lora.evaluation.paired import contrasts, read_items, read_result
from pgt_lora.models.names import Named
from pgt_lora.studies.compare.arms import arm_adapters, arm_data, arm_validation, parse_arms
from pgt_lora.studies.compare.directory import ASKED, RESULTS, base_name
from pgt_lora.studies.compare.overview import overview
from pgt_lora.studies.compare.preset import Preset
from pgt_lora.studies.compare.probes import check_probes, probe_arms
from pgt_lora.studies.compare.real_data import real_data, with_budget
from pgt_lora.studies.compare.report import Page, print_probes, print_results, write_pages
from pgt_lora.studies.compare.runs import (
    check_not_trained_on,
    describe,
    plan,
    score_directories,
    shared_images,
    train_and_score,
)
from pgt_lora.studies.compare.sets import default_sets, named_sets, own_sets
from pgt_lora.studies.compare.sizes import check_equal, check_num_samples


def compare(
    named: Named, arms: str, seeds: str, eval_data: Sequence[Path], out: Path | None, overrides: Sequence[str] = (),
    overwrite: bool = False, preset: Preset | None = None, data: str | None = None,
) -> None:  # fmt: skip
    """Train the arms, score them on the same items, and write what differs by more than noise.

    A preset's arms and sets take the place of `arms` and `eval_data`; `data` names what its arms draw over. `overrides`
    are what was typed beside the model's name, for the report to say.

    Raises:
        InputError: an arm, a seed, a directory or the recipe cannot be used; nothing was trained then.
    """
    model, recipe = named.name, named.recipe
    names, numbers = preset.arms if preset else parse_arms(arms), parse_seeds(seeds)
    check_num_samples(names, overrides)
    out = out or run_directory(f"{recipe.name}-{preset.name if preset else 'compare'}")
    take(out, overwrite)
    if preset:
        check_probes(preset, recipe)
    real = real_data(recipe, data) if preset and preset.is_over_data else None
    recipe = with_budget(recipe, real) if real else recipe
    sets = named_sets(preset.sets, real) if preset else own_sets(eval_data) if eval_data else default_sets(recipe)
    tests = {name: each.make(recipe) for name, each in sets.items()}
    adapters = arm_adapters(recipe, names)
    check_not_trained_on(tests, adapters)
    datasets = arm_data(recipe, names, real)
    if real is None:  # over real data, the steps are equal
        check_equal(names, datasets)
    check_held_out(tests, {f"arm {name}": path for name, path in datasets.items()})
    looked_at = arm_validation(recipe, names, next(iter(tests.values())))
    runs = plan(recipe, [arm.name for arm in names], datasets, adapters, numbers, looked_at)
    asked = {
        "model": model, "arms": [arm.name for arm in names], "seeds": seeds, "preset": preset and preset.name,
        "data": data, "eval_data": [str(each) for each in eval_data], "base": base_name(recipe.values),
    }  # fmt: skip
    with alone(out):
        out.mkdir(parents=True, exist_ok=True)
        (out / RESULTS).unlink(missing_ok=True)  # what is there is of what was asked before
        write_json(out / ASKED, asked | {"overrides": list(overrides)})
        for each in runs if overwrite else ():
            for kind in ("arms", "scores", "probes"):
                shutil.rmtree(out / kind / each.name, ignore_errors=True)
        for each in runs:
            train_and_score(each, tests, out)
    results = [
        read_result(read_items(sets[name].title, path), score_directories(runs, out / "scores", name, path))
        for name, path in tests.items()
    ]
    found = contrasts(results, [arm.name for arm in names])
    page = Page(
        recipe=recipe,
        arms=[arm.name for arm in names],
        seeds=numbers,
        results=results,
        contrasts=found,
        runs=[describe(each, out) for each in runs],
        shared_images={arm: shared_images(tests, path) for arm, path in datasets.items()},
        command=command(model, arms, seeds, eval_data, out, overrides, preset, data),
        overview=overview(preset.name, list(sets.values()), results, found) if preset else None,
    )
    print_results(page)
    write_pages(page, out)
    if preset and preset.probes:
        by_set = dict(zip(sets, results, strict=True))
        page = replace(page, probed=probe_arms(preset.probes, runs, by_set, out))
        print_probes(page)
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


def command(
    model: str, arms: str, seeds: str, eval_data: Sequence[Path], out: Path, overrides: Sequence[str],
    preset: Preset | None = None, data: str | None = None,
) -> str:  # fmt: skip
    """Return the command that makes this comparison."""
    given = [word for path in eval_data for word in ("--eval-data", str(path))]
    what = ["--preset", preset.name, *(["--data", data] if data else [])] if preset else ["--arms", arms]
    return shlex.join(["pgt-lora", "compare", model, *what, "--seeds", seeds, *given, "--out", str(out), *overrides])
