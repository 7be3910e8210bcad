"""The overview of a preset, on made-up answers."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pgt_lora.core.recipe import Recipe
from pgt_lora.evaluation.paired import Contrast, Result, contrasts
from pgt_lora.evaluation.statistics import LEVEL, holm
from pgt_lora.studies.compare.overview import Overview, holm_levels, overview
from pgt_lora.studies.compare.report import write_pages
from pgt_lora.studies.compare.sets import EvaluationSet
from tests.support.comparisons import made_up, made_up_page

ARMS = ["base", "pgt", "pgt-permuted"]
HOME = {"pgt": 0.95, "pgt-permuted": 0.55}


def named(result: Result, title: str, num_images: int | None = None) -> Result:
    """Return a result under another title, its items on that many images in turn."""
    group = result.items.group if num_images is None else result.items.group % num_images
    return Result(replace(result.items, title=title, group=group), result.predictions)


@pytest.fixture(scope="module")
def results(held_out_dir: Path) -> list[Result]:
    half = made_up(held_out_dir, {"pgt": 0.75, "pgt-permuted": 0.55})
    none = made_up(held_out_dir, {"pgt": 0.55, "pgt-permuted": 0.55})
    return [
        named(made_up(held_out_dir, HOME), "Home"), named(half, "Half"), named(half, "Few", 5), named(none, "None"),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def told(results: list[Result]) -> list[Contrast]:
    return contrasts(results, ARMS)


def of(results: list[Result], told: list[Contrast]) -> Overview:
    sets = [EvaluationSet(each.items.title, f"about {each.items.title}", lambda recipe: Path()) for each in results]
    return overview("trial", sets, results, told)


def test_gains_are_of_sight_and_shares_are_of_the_gain_at_home(results: list[Result], told: list[Contrast]) -> None:
    found = of(results, told)
    assert list(found.gains) == ["pgt"]
    gains = found.gains["pgt"]
    for column, task in enumerate(results[0].items.columns):
        for result in results:
            gain = gains[result.items.title, task]
            difference = result.scores["pgt"][column].value - result.scores["pgt-permuted"][column].value
            assert gain.difference.value == pytest.approx(difference)
            assert gain.low <= gain.difference.low and gain.difference.high <= gain.high
            assert (gain.low > 0) == gain.difference.found == (result.items.title != "None")
            if result is results[0]:
                assert gain.kept is None
            else:
                assert gain.kept is not None
                assert gain.kept.value == pytest.approx(difference / gains["Home", task].difference.value)
                assert gain.kept.low < gain.kept.value < gain.kept.high
    assert 0.35 < gains["Half", "mean"].kept.value < 0.65  # type: ignore[union-attr]
    assert gains["None", "mean"].kept.low < 0.2  # type: ignore[union-attr]


def test_where_nothing_is_gained_at_home_no_share_is_told(results: list[Result], told: list[Contrast]) -> None:
    gains = of([results[3], results[0]], told).gains["pgt"]
    assert {gain.kept for gain in gains.values()} == {None}


def test_a_set_of_few_images_says_how_many(
    results: list[Result], told: list[Contrast], recipe: Recipe, tmp_path: Path
) -> None:
    found = of(results, told)
    assert [(row.num_images, row.is_of_few) for row in found.rows] == [
        (400, False),
        (400, False),
        (5, True),
        (400, False),
    ]
    page = replace(made_up_page(results[0], recipe), results=results, contrasts=told, overview=found)
    write_pages(page, tmp_path)
    html, text = (tmp_path / "report.html").read_text(), (tmp_path / "report.md").read_text()
    titles = re.findall(r"<h2>(.*)</h2>", html)
    assert titles[:4] == [
        "Overview", "Sight, not form: pgt minus pgt-permuted", "What is kept of the gain of pgt on Home", "Scores",
    ]  # fmt: skip
    for written in (html, text):
        assert written.count("n = 5") == 1
        assert "about Half" in written
        for row in found.rows:
            for task in found.tasks:
                for arm in ARMS:
                    score = found.score(row, task, arm)
                    assert f"{100 * score.value:.1f}" in written  # type: ignore[union-attr]
    sight = text.partition("### Sight, not form")[2].partition("###")[0]
    assert sight.count("**") == 2 * 3 * 3  # of three sets: two tasks and their mean
    figures = json.loads((tmp_path / "results.json").read_text())["overview"]
    assert {each["arm"] for each in figures["gains"]} == {"pgt"}
    assert len(figures["gains"]) == 12
    assert re.findall(r"<summary>(.*) <span", html)[-4:] == ["pgt against pgt-permuted"] * 4


def test_without_permuted_twins_arms_are_held_against_the_first_that_was_trained(
    held_out_dir: Path, recipe: Recipe, tmp_path: Path
) -> None:
    result = made_up(held_out_dir, {"data": 0.6, "overlay-100": 0.9, "overlay-5": 0.6})
    results, arms = [named(result, "Home")], list(result.predictions)
    told = contrasts(results, arms)
    page = replace(made_up_page(result, recipe), results=results, contrasts=told, overview=of(results, told))
    assert [(each.arm, each.title) for each in page.ablations] == [("overlay-100", "Home"), ("overlay-5", "Home")]
    runs = [run | ({"num_samples": 64} if run["arm"] == "overlay-5" else {}) for run in page.runs]
    write_pages(replace(page, runs=runs), tmp_path)
    html, text = (tmp_path / "report.html").read_text(), (tmp_path / "report.md").read_text()
    table = text.partition("### Arms minus data: the mean over tasks")[2].partition("##")[0]
    means = [each.rows[-1] for each in page.ablations]
    assert [mean.found for mean in means] == [True, False]
    assert table.count("**") == 2 and all(f"{100 * mean.value:+.1f}" in table for mean in means)
    assert re.findall(r"<h2>(.*)</h2>", html)[:2] == ["Overview", "Arms minus data: the mean over tasks"]
    assert "32 to 64" in html
    assert len(re.findall(r"<summary>overlay-(?:5|100) against data", html)) == 2
    assert not replace(page, overview=None).ablations


def test_levels_of_intervals_agree_with_holms_correction() -> None:
    rng = np.random.default_rng(0)
    for number in (1, 2, 7, 28):
        for _ in range(200):
            p = (rng.random(number) ** rng.choice([1, 4, 8])).tolist()
            levels = holm_levels(p)
            assert [each <= level for each, level in zip(p, levels, strict=True)] == [each <= LEVEL for each in holm(p)]
