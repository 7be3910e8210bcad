import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from pgt_lora.cli.app import app as cli
from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.terminal import console
from pgt_lora.data.directory import MANIFEST, open_dataset, read_manifest
from pgt_lora.data.generate import generate
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks.task import Settings
from pgt_lora.evaluation.evaluate import _prediction
from pgt_lora.evaluation.paired import Result, contrasts, pairs, read_items
from pgt_lora.evaluation.paper import BENCHMARKS, GROUPS, TABLE_2
from pgt_lora.studies.before_after import run as run_module
from pgt_lora.studies.before_after.run import recipe_for
from pgt_lora.studies.compare import arms as arms_module
from pgt_lora.studies.compare import runs as compare_runs
from pgt_lora.studies.compare.arms import UNITS, Arm, arm_data, half_and_half, parse_arms, weights_without
from pgt_lora.studies.compare.charts import confusion, loss_curves, won_and_lost
from pgt_lora.studies.compare.compare import compare
from pgt_lora.studies.compare.report import Page, print_results, write_pages
from pgt_lora.studies.compare.runs import plan, shared_images
from pgt_lora.training.finetune import finetune as train_adapter

SECTIONS = (
    "Scores", "By task", "Differences", "Training loss", "Confusion", "Items won and lost", "Runs", "Do it again",
)  # fmt: skip
FEW = ("--max_steps", "1", "--max_new_tokens", "2")
SMALL = Settings(Canvas(112, 112))


@pytest.fixture(scope="module")
def second_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training dataset of 32 samples of one task."""
    directory = tmp_path_factory.mktemp("data") / "relations"
    generate(directory, num_samples=32, seed=2, settings=SMALL, weights={"relation": 1.0})
    return directory


@pytest.fixture(scope="module")
def held_out_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evaluation set of 400 items of two tasks."""
    directory = tmp_path_factory.mktemp("data") / "held-out"
    weights = {"coordinates": 0.5, "relation": 0.5}
    generate(directory, num_samples=400, seed=3, split="test", settings=SMALL, weights=weights)
    return directory


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project directory of its own, so that the datasets made on the way end up there."""
    for module in (arms_module, run_module):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    return tmp_path


# --- the whole path, on a model with random weights ---


def times(out: Path) -> dict[str, int]:
    """Return when each trained arm was finished."""
    return {
        path.parents[1].name: path.stat().st_mtime_ns for path in out.glob("arms/*/adapter/adapter_model.safetensors")
    }


def stopping_at(number: int) -> Callable[..., Path]:
    """Return a `finetune` that is interrupted when it is called that many times."""
    calls = []

    def finetune(*words: object) -> Path:
        calls.append(words)
        if len(calls) == number:
            raise KeyboardInterrupt
        return train(*words)

    train = compare_runs.finetune
    return finetune


def test_a_comparison_goes_on_where_it_was_interrupted_and_trains_anew_only_what_changed(
    root: Path, overrides: list[str], data_dir: Path, second_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, mine = root / "out", root / "mine"
    shutil.copytree(second_dir, mine)
    words = ("tiny-qwen2.5-vl", f"base,all={data_dir},mine={mine}", "0,1", [], out, [*overrides, *FEW])
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(compare_runs, "finetune", stopping_at(4))
        compare(*words)
    first = times(out)
    assert [name.rpartition("-")[0] for name in sorted(first)] == ["all-seed0", "all-seed1", "mine-seed0"]
    assert not (out / "report.html").exists()
    compare(*words)
    assert times(out).items() > first.items()
    assert len(times(out)) == 4

    page, text = (out / "report.html").read_text(), (out / "report.md").read_text()
    assert re.findall(r"<h2>(.*)</h2>", page) == list(SECTIONS)
    assert not re.search(r"""(src|href)=["']?https?:|url\(|@import""", page)
    for arm in ("base", "all", "mine"):
        assert f"{arm}</th>" in page
        assert f"| {arm} |" in text
    assert page.count("<polyline") == 4
    assert "scatter of 2 training seeds" in page
    assert "paper" not in page + text  # no model of the paper's
    figures = json.loads((out / "results.json").read_text())
    assert {each["arm"] for each in figures["scores"]} == {"base", "all", "mine"}
    runs = [each for each in figures["runs"] if each["arm"] != "base"]
    assert {each["training"]["steps"] for each in runs} == {1}
    assert {each["num_samples"] for each in runs} == {32}
    assert figures["command"] in text

    before = times(out)
    (mine / MANIFEST).unlink()
    generate(mine, num_samples=32, seed=9, settings=SMALL, weights={"relation": 1.0}, overwrite=True)
    compare(*words[:2], "0", *words[3:])
    added = {name: time for name, time in times(out).items() if before.get(name) != time}
    assert [name.rpartition("-")[0] for name in added] == ["mine-seed0"]
    assert before.items() < times(out).items()  # what was finished with the old data is still there
    assert "leave out training variance" in (out / "report.html").read_text()

    before = times(out)
    compare(words[0], f"base,mine={mine}", "0", *words[3:], overwrite=True)
    assert {name for name, time in times(out).items() if before[name] != time} == set(added)


def test_an_adapter_that_is_there_already_is_scored_and_not_trained(
    root: Path, overrides: list[str], data_dir: Path, second_dir: Path
) -> None:
    recipe = recipe_for("tiny-qwen2.5-vl", [*overrides, *FEW])
    adapter = train_adapter(recipe, data_dir, root / "run")
    sets = [second_dir]
    compare("tiny-qwen2.5-vl", f"base,mine={root / 'run'}", "0", sets, root / "out", [*overrides, *FEW])
    assert not times(root / "out")
    figures = json.loads((root / "out" / "results.json").read_text())
    assert [each["arm"] for each in figures["runs"]] == ["base", "mine"]
    assert f"trained before: `{root / 'run'}`" in (root / "out" / "report.md").read_text()
    assert f"trained before: <code>{root / 'run'}" in (root / "out" / "report.html").read_text()
    names = {path.name for path in (root / "out" / "scores").iterdir()}
    weights = load_file(adapter / "adapter_model.safetensors")
    save_file({key: 2 * each for key, each in weights.items()}, adapter / "adapter_model.safetensors")
    compare("tiny-qwen2.5-vl", f"base,mine={adapter}", "0", sets, root / "out", [*overrides, *FEW])
    assert len({path.name for path in (root / "out" / "scores").iterdir()} - names) == 1
    with pytest.raises(InputError, match="is an adapter on"):
        compare("tiny-internvl3", f"base,mine={adapter}", "0", sets, root / "other", [])


def test_a_run_is_named_by_all_that_makes_it(
    overrides: list[str], data_dir: Path, second_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def names(data: Path = data_dir, more: tuple[str, ...] = ()) -> list[str]:
        recipe = recipe_for("tiny-qwen2.5-vl", [*overrides, *more])
        return [run.name for run in plan(recipe, ["base", "mine"], {"mine": data}, {}, [0, 1])]

    base, *trained = names()
    assert names() == [base, *trained]
    assert len({base, *trained}) == 3
    for others in (names(second_dir), names(more=("--lora_r", "4"))):
        assert others[0] == base  # the base model has no data and no rank
        assert not set(others[1:]) & set(trained)
    assert names(more=("--max_new_tokens", "4"))[0] != base
    monkeypatch.setattr(compare_runs, "version", lambda name: "another")
    assert not set(names()) & {base, *trained}


# --- what the page says, on made-up answers ---


def made_up(held_out_dir: Path, rights: dict[str, float], seeds: int = 1) -> Result:
    """Return a result in which each arm but `base` is right with the given chance, the base with one half."""
    items = read_items("made up", held_out_dir)
    rng = np.random.default_rng(0)

    def answers(chance: float) -> list[dict]:
        return [
            _prediction(row | {"prompt": [{"content": "?"}]}, row["answer"] if right else "?")
            for row, right in zip(items.rows, rng.random(len(items.rows)) < chance, strict=True)
        ]

    chances = {"base": 0.6} | rights
    return Result(items, {a: [answers(c) for _ in range(1 if a == "base" else seeds)] for a, c in chances.items()})


def made_up_page(result: Result, recipe: Recipe, seeds: int = 1) -> Page:
    arms = list(result.predictions)
    training = {
        "steps": 3,
        "supervised_tokens": 9,
        "seconds": 1.0,
        "hardware": "a machine",
        "processes": 1,
        "versions": {},
    }
    losses = [{"step": 1, "loss": 2.0}, {"step": 3, "loss": 1.0}]
    facts = {"data": "DIR", "num_samples": 32, "counts": {"relation": 32}, "training": training, "loss": losses}
    runs = [{"arm": arm, "name": f"{arm}-0", "seed": 0} | (facts if arm != "base" else {}) for arm in arms]
    return Page(
        recipe, arms, list(range(seeds)), [result], contrasts([result], arms), runs, dict.fromkeys(arms, 0), "a command"
    )


@pytest.fixture
def recipe(overrides: list[str]) -> Recipe:
    return recipe_for("tiny-qwen2.5-vl", overrides)


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_gain_is_bold_and_noise_is_not(
    seeds: int, held_out_dir: Path, recipe: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = made_up(held_out_dir, {"better": 0.95, "same": 0.6}, seeds)
    page = made_up_page(result, recipe, seeds)
    write_pages(page, tmp_path)
    html, text = (tmp_path / "report.html").read_text(), (tmp_path / "report.md").read_text()
    (scores,) = re.findall(r"<h2>Scores</h2>.*?</table>", html, re.DOTALL)
    rows = {
        arm: row for row in re.findall(r"<tr>.*?</tr>", scores, re.DOTALL) for arm in ("better", "same") if arm in row
    }
    assert rows["better"].count("<b>") == 3  # two tasks and their mean
    assert rows["same"].count("<b>") == 0
    lines = {arm: next(line for line in text.splitlines() if line.startswith(f"| {arm} |")) for arm in rows}
    assert lines["better"].count("**") == 6
    assert lines["same"].count("**") == 0
    for each in result.scores["better"]:
        assert f"{100 * each.value:.1f}" in lines["better"]
    assert ("leave out training variance" in html) == (seeds == 1)
    assert html.count("data:image/png;base64,") > 12
    console.width, width = 150, console.width
    print_results(page)
    console.width = width
    assert f"{100 * result.scores['better'][0].value:.1f}" in capsys.readouterr().out


def test_up_to_chance_is_no_finding(held_out_dir: Path) -> None:
    result = made_up(held_out_dir, {"mine": 0.02})
    right = contrasts([result], ["base", "mine"])[0]
    assert all(row.found for row in right.rows)  # the base is above chance
    nothing = Result(
        result.items, result.predictions | {"base": made_up(held_out_dir, {"base": 0.0}).predictions["base"]}
    )
    assert not any(row.found for row in contrasts([nothing], ["base", "mine"])[0].rows)


def test_differences_by_hand(held_out_dir: Path) -> None:
    result = made_up(held_out_dir, {"mine": 0.9}, seeds=2)
    (contrast,) = contrasts([result], ["base", "mine"])
    base, mine = result.right("base"), result.right("mine")
    for index, row in enumerate(contrast.rows[:2]):
        of_task = result.items.task == index
        assert row.value == pytest.approx(mine[:, of_task].mean() - base[:, of_task].mean())
        assert row.won == int((mine.mean(0) > base[0])[of_task].sum())
        assert row.lost == int((mine.mean(0) < base[0])[of_task].sum())
        assert row.low < row.value < row.high
        assert len(row.mcnemar) == 2
    assert contrast.rows[2].value == pytest.approx((contrast.rows[0].value + contrast.rows[1].value) / 2)


def test_every_arm_meets_the_first_and_the_first_that_was_trained() -> None:
    assert pairs(["base", "a", "b"]) == [("a", "base"), ("b", "base"), ("b", "a")]
    assert pairs(["a", "b", "c"]) == [("b", "a"), ("c", "a")]
    assert pairs(["a", "base"]) == [("base", "a")]


def test_confusion_counts_every_answer(held_out_dir: Path) -> None:
    result = made_up(held_out_dir, {"mine": 0.9}, seeds=2)
    for index, task in enumerate(result.items.tasks):
        for matrix in confusion(result, task):
            num_seeds = len(result.predictions[matrix.arm])
            right = sum(
                count
                for row, counts in zip(matrix.rows, matrix.counts, strict=True)
                for column, count in zip(matrix.columns, counts, strict=True)
                if row == column
            )
            of_task = result.items.task == index
            assert sum(map(sum, matrix.counts)) == num_seeds * of_task.sum()
            assert right == result.right(matrix.arm)[:, of_task].sum()  # made-up answers are right or none
    (points,) = (task for task in result.items.tasks if task == "coordinates")
    assert confusion(result, points)[0].rows[:2] == ("top left", "top center")


def test_items_won_and_lost_are_those(held_out_dir: Path) -> None:
    result = made_up(held_out_dir, {"mine": 0.9}, seeds=2)
    for side, winner in zip(won_and_lost(result, "mine", "base"), ("arm", "reference"), strict=True):
        assert {example.task for example in side} == {"coordinates", "relation"}
        for example in side:
            outputs = {"arm": example.arm_output, "reference": example.reference_output}
            assert outputs.pop(winner) == example.expected
            assert outputs.popitem()[1] == "?"


def test_curves_share_their_axes() -> None:
    runs = [
        {"arm": "base", "seed": None},
        {"arm": "a", "seed": 0, "loss": [{"step": 5, "loss": 4.0}, {"step": 10, "loss": 2.0}]},
        {"arm": "b", "seed": 0, "loss": [{"step": 10, "loss": 1.0}]},
    ]
    found = loss_curves(runs)
    assert (found.top, found.steps) == (4.0, 10)
    assert [curve.points for curve in found.curves] == ["50.00,0.00 100.00,14.00", "100.00,21.00"]


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
    assert html.count(">Paper: ") == len(GROUPS)
    assert "paper&#39;s table 2 for LLaVA-NeXT-7B" in html
    assert ">90.7</td>" in html
    assert "| pgt (paper) | 90.7 |" in text
    write_pages(replace(page, recipe=recipe), tmp_path)
    assert "paper" not in ((tmp_path / "report.html").read_text() + (tmp_path / "report.md").read_text()).lower()


# --- arms and their data ---


def test_a_unit_is_left_out_and_the_total_stays(root: Path, recipe: Recipe) -> None:
    for unit, tasks in UNITS.items():
        weights = weights_without(unit)
        assert not set(tasks) & set(weights)
        assert sum(weights.values()) == pytest.approx(1)
    found = arm_data(recipe, parse_arms("base,pgt,pgt-no-relational,pgt-no-distance"))
    assert "base" not in found
    manifests = {name: read_manifest(path) for name, path in found.items()}
    assert {manifest["num_samples"] for manifest in manifests.values()} == {32}
    assert set(manifests["pgt"]["counts"]) - set(manifests["pgt-no-relational"]["counts"]) == {
        "relation",
        "coordinates",
    }
    assert "distance" not in manifests["pgt-no-distance"]["counts"]
    made = {name: (path / MANIFEST).stat().st_mtime_ns for name, path in found.items()}
    assert arm_data(recipe, parse_arms("pgt,pgt-no-distance")).items() <= found.items()
    assert made == {name: (path / MANIFEST).stat().st_mtime_ns for name, path in found.items()}


def test_half_and_half(root: Path, data_dir: Path, second_dir: Path) -> None:
    path = half_and_half(data_dir, second_dir, 31)
    rows = open_dataset(path).to_list()
    whole = {row["id"]: row for source in (data_dir, second_dir) for row in open_dataset(source).to_list()}
    ids = [{row["id"] for row in open_dataset(source)} for source in (data_dir, second_dir)]
    assert len(rows) == 31
    assert [sum(row["id"] in each for row in rows) for each in ids] == [15, 16]
    assert all(row == whole[row["id"]] for row in rows)
    made = (path / MANIFEST).stat().st_mtime_ns
    assert half_and_half(data_dir, second_dir, 31) == path
    assert (path / MANIFEST).stat().st_mtime_ns == made
    half_and_half(data_dir, second_dir, 30)
    assert read_manifest(path)["num_samples"] == 30


def test_arms_are_read(data_dir: Path) -> None:
    assert parse_arms("base, pgt+mix,pgt-no-counting,mine=a/b") == [
        Arm("base"), Arm("pgt+mix"), Arm("pgt-no-counting"), Arm("mine", Path("a/b")),
    ]  # fmt: skip
    assert parse_arms("base,specialized-mix=a")[1].directory == Path("a")


def test_images_that_were_trained_on_are_counted(data_dir: Path, held_out_dir: Path) -> None:
    assert shared_images({"a": held_out_dir}, data_dir) == 0
    assert shared_images({"a": held_out_dir, "b": data_dir}, data_dir) == 32


BAD = {
    "unknown arm": ("base,pgd", "unknown; known: base, pgt,"),
    "unknown unit": ("base,pgt-no-color", "unknown unit 'color'; known: analogy, counting, distance, relational"),
    "an arm twice": ("base,a={data},a={data}", "a is given twice"),
    "one arm": ("base", "two arms or more"),
    "data for the base": ("base={data},b={data}", "base is the model without training"),
    "a name of nothing": ("base,={data}", "NAME=DIR"),
    "a name for nothing": ("base,mine=", "NAME=DIR"),
    "a path in the name": ("base,../mine={data}", "NAME=DIR"),
    "no directory": ("base,mine={new}", "no such dataset directory"),
    "unequal sizes": ("base,a={data},b={held_out}", "unequal numbers of samples (a 32, b 400)"),
    "not held out": ("base,a={data}", "arm a is trained on these items", "--data", "{data}"),
    "no evaluation set": ("base,a={data}", "no such dataset directory", "--data", "{new}"),
    "two of one name": ("base,a={data}", "rename one", "--data", "{held_out}", "--data", "{held_out}"),
    "a word for a seed": ("base,a={data}", "seeds '0,x'", "--seeds", "0,x"),
    "a seed twice": ("base,a={data}", "seeds '1,1'", "--seeds", "1,1"),
    "another's directory": ("base,a={data}", "not a comparison's directory", "--out", "{data}"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_clear_line(
    name: str, data_dir: Path, held_out_dir: Path, root: Path, overrides: list[str],
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    arms, says, *more = BAD[name]
    places = {"data": data_dir, "held_out": held_out_dir, "new": root / "new"}
    words = ["--arms", arms, "--out", str(root / "out"), "--data", "{held_out}"]
    if "--data" in more:
        words = words[:4]
    words = [word.format(**places) for word in [*words, *more]]
    monkeypatch.setattr(sys, "argv", ["pgt-lora", "compare", "tiny-qwen2.5-vl", *words, *overrides])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    message = [line for line in capsys.readouterr().err.splitlines() if line.startswith("pgt-lora: ")]
    assert ended.value.code == 2
    assert len(message) == 1
    assert says in message[0]
    assert not (root / "out").exists()


def test_answers_to_other_items_are_refused(held_out_dir: Path, tmp_path: Path) -> None:
    from pgt_lora.evaluation.paired import read_result

    items = read_items("held out", held_out_dir)
    (tmp_path / "predictions.jsonl").write_text(json.dumps({"id": "another"}) + "\n")
    with pytest.raises(InputError, match="not the items of"):
        read_result(items, {"a": [tmp_path]})
