"""What the page says, on made-up answers."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pgt_lora.core.recipe import Recipe
from pgt_lora.core.terminal import console
from pgt_lora.evaluation.paper import BENCHMARKS, GROUPS, TABLE_2
from pgt_lora.studies.compare.report import Page, print_results, write_pages
from tests.support.comparisons import made_up, made_up_page


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_gain_is_bold_and_noise_is_not(
    seeds: int, held_out_dir: Path, recipe: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = made_up(held_out_dir, {"better": 0.95, "same": 0.6}, seeds)
    page = made_up_page(result, recipe, seeds)
    write_pages(page, tmp_path)
    html, text = (tmp_path / "report.html").read_text(), (tmp_path / "report.md").read_text()
    (scores,) = re.findall(r"<h2>Scores</h2>.*?</table>", html, re.DOTALL)
    cells = [
        re.findall(r'<td class="number">(.*?)</td>', row) for row in re.findall(r"<tr>.*?</tr>", scores, re.DOTALL)
    ]
    bold = [["<b>" in cell for cell in row] for row in cells[1:]]
    assert bold == [[False, True, False]] * 3  # base, better and same, on two tasks and on their mean
    lines = {
        arm: next(line for line in text.splitlines() if line.startswith(f"| {arm} |")) for arm in ("better", "same")
    }
    assert lines["better"].count("**") == 6
    assert lines["same"].count("**") == 0
    for each in result.scores["better"]:
        assert f"{100 * each.value:.1f}" in lines["better"]
    for score in result.scores["base"]:
        assert 0 < score.unread < 1
        assert f"{100 * score.unread:.1f} unread" in scores
    unread = " | ".join(f"{100 * score.unread:.1f}" for score in result.scores["base"])
    assert f"| base, unread | {unread} |" in text
    assert ("leave out training variance" in html) == (seeds == 1)
    assert html.count("data:image/png;base64,") > 12
    console.width, width = 150, console.width
    print_results(page)
    console.width = width
    shown = capsys.readouterr().out
    assert f"{100 * result.scores['better'][0].value:.1f}" in shown
    assert shown.count("  unread") == len(result.items.columns)
    assert f"{100 * result.scores['base'][0].unread:.1f}" in shown


def test_the_papers_figures_stand_apart_and_only_beside_its_models(
    held_out_dir: Path, recipe: Recipe, tmp_path: Path
) -> None:
    assert all(len(row) == len(BENCHMARKS) for each in TABLE_2.values() for row in each.scores.values())
    assert sum(span for _, span in GROUPS) == len(BENCHMARKS)
    assert dict(zip(BENCHMARKS, TABLE_2["Qwen/Qwen2.5-VL-3B-Instruct"].scores["pgt"], strict=True))["MMVP"] == 45.3
    model = replace(recipe.model, model_name_or_path="llava-hf/llava-v1.6-vicuna-7b-hf")
    page = made_up_page(made_up(held_out_dir, {"pgt": 0.9}), replace(recipe, model=model))
    write_pages(page, tmp_path)
    html, text = (tmp_path / "report.html").read_text(), (tmp_path / "report.md").read_text()
    assert [html.count(f">Paper: {name}<") for name, _ in GROUPS] == [span for _, span in GROUPS]
    assert "paper&#39;s table 2 for LLaVA-NeXT-7B" in html
    assert ">90.7</td>" in html
    assert "| pgt (paper) | 90.7 |" in text
    write_pages(replace(page, recipe=recipe), tmp_path)
    assert "paper" not in ((tmp_path / "report.html").read_text() + (tmp_path / "report.md").read_text()).lower()


def test_the_page_claims_no_seeds_and_no_budget_that_there_were_not(
    held_out_dir: Path, recipe: Recipe, tmp_path: Path
) -> None:
    def told(page: Page) -> str:
        write_pages(page, tmp_path)
        return (tmp_path / "report.html").read_text() + (tmp_path / "report.md").read_text()

    def taking(run: Mapping[str, Any], steps: int) -> dict[str, Any]:
        return {**run, "training": {**run["training"], "steps": steps}, "stops_by": str(held_out_dir)}

    page = replace(made_up_page(made_up(held_out_dir, {"a": 0.6, "mine": 0.9}), recipe), seeds=[0, 1, 2])
    base, a, mine = page.runs
    assert page.is_of_one_budget and "stopped by" not in page.caveat
    unequal = told(replace(page, runs=[base, taking(a, 2), taking(mine, 3)]))
    assert "same budget" not in unequal and "<dt>Steps</dt><dd>2 to 3<" in unequal
    assert "stopped by the loss on made up, which chose" in unequal
    adapter = {"arm": "mine", "name": "mine-0", "seed": None, "adapter": "DIR"}
    alone = replace(made_up_page(made_up(held_out_dir, {"mine": 0.9}), recipe), seeds=[0, 1, 2])
    scored = told(replace(alone, runs=[base, adapter]))
    assert not any(word in scored for word in ("training seeds", "n = 3", "same budget", "--seeds", "Seeds: "))
    assert "because there is one seed" in scored
    result = made_up(held_out_dir, {"a": 0.6, "mine": 0.9}, 3)
    result = replace(result, predictions={**result.predictions, "mine": result.predictions["mine"][:1]})
    several = replace(page, results=[result], runs=[base, a, adapter]).caveat
    assert "scatter of 3 training seeds" in several and "mine was trained before, once" in several
