"""The whole path of a comparison, on a model with random weights; and what is refused."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from pgt_lora.cli import app as cli
from pgt_lora.core.errors import InputError
from pgt_lora.core.html.charts import LOGGED
from pgt_lora.data.directory import read_manifest
from pgt_lora.data.generate import generate
from pgt_lora.models.names import resolve
from pgt_lora.studies.compare import compare as compare_module
from pgt_lora.studies.compare import runs as compare_runs
from pgt_lora.studies.compare.compare import compare
from pgt_lora.studies.tables.listing import entries
from pgt_lora.training.finetune import finetune as train_adapter
from tests.support.comparisons import FEW, SMALL

SECTIONS = (
    "Scores", "By task", "Differences", "Training", "Confusion", "Items won and lost", "Runs", "Do it again",
)  # fmt: skip


def times(out: Path) -> dict[str, int]:
    """Return when each trained arm was finished."""
    return {
        path.parents[1].name: path.stat().st_mtime_ns for path in out.glob("arms/*/adapter/adapter_model.safetensors")
    }


def stopping(*words: object) -> None:
    raise KeyboardInterrupt


def stopping_at(number: int) -> Callable[..., Path]:
    """Return a `finetune` that is interrupted when it is called that many times."""
    calls = []

    def finetune(*words: object, **named: object) -> Path:
        calls.append(words)
        if len(calls) == number:
            raise KeyboardInterrupt
        return train(*words, **named)

    train = compare_runs.finetune
    return finetune


@pytest.mark.slow
def test_a_comparison_goes_on_where_it_was_interrupted_and_trains_anew_only_what_changed(
    root: Path, data_overrides: list[str], data_dir: Path, second_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, mine, few = root / "out", root / "mine", [*data_overrides, *FEW, "--logging_steps", "1"]
    shutil.copytree(second_dir, mine)
    words = (
        resolve("tiny-qwen2.5-vl", few),
        f"base,all={data_dir},mine={mine}",
        "0,1",
        [],
        out,
        few,
    )
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
    assert page.count("<polyline") == 4 * len(LOGGED)
    assert "scatter of 2 training seeds" in page
    assert "paper" not in page + text  # no model of the paper's
    figures = json.loads((out / "results.json").read_text())
    assert {each["arm"] for each in figures["scores"]} == {"base", "all", "mine"}
    runs = [each for each in figures["runs"] if each["arm"] != "base"]
    assert {each["training"]["steps"] for each in runs} == {2}
    assert {each["num_samples"] for each in runs} == {32}
    assert figures["command"] in text

    before = times(out)
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
    root: Path, data_overrides: list[str], data_dir: Path, second_dir: Path
) -> None:
    recipe = resolve("tiny-qwen2.5-vl", [*data_overrides, *FEW]).recipe
    adapter = train_adapter(recipe, data_dir, root / "run")
    sets = [second_dir]
    compare(
        resolve("tiny-qwen2.5-vl", [*data_overrides, *FEW]),
        f"base,mine={root / 'run'}",
        "0",
        sets,
        root / "out",
        [*data_overrides, *FEW],
    )
    assert not times(root / "out")
    figures = json.loads((root / "out" / "results.json").read_text())
    assert [each["arm"] for each in figures["runs"]] == ["base", "mine"]
    assert f"trained before: `{root / 'run'}`" in (root / "out" / "report.md").read_text()
    assert f"trained before: <code>{root / 'run'}" in (root / "out" / "report.html").read_text()
    names = {path.name for path in (root / "out" / "scores").iterdir()}
    weights = load_file(adapter / "adapter_model.safetensors")
    save_file({key: 2 * each for key, each in weights.items()}, adapter / "adapter_model.safetensors")
    compare(
        resolve("tiny-qwen2.5-vl", [*data_overrides, *FEW]),
        f"base,mine={adapter}",
        "0",
        sets,
        root / "out",
        [*data_overrides, *FEW],
    )
    assert len({path.name for path in (root / "out" / "scores").iterdir()} - names) == 1
    with pytest.raises(InputError, match="is an adapter on"):
        compare(resolve("tiny-internvl3"), f"base,mine={adapter}", "0", sets, root / "other", [])


def test_an_adapter_that_was_trained_on_the_evaluation_set_is_refused(root: Path, held_out_dir: Path) -> None:
    named = resolve("tiny-qwen2.5-vl")
    (adapter := root / "mine").mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": named.recipe.base}))
    part = {"content_hash": read_manifest(held_out_dir)["content_hash"]}
    (adapter / "run.json").write_text(json.dumps({"content_hash": "another", "data": {"sources": {"part": part}}}))
    with pytest.raises(InputError, match="arm mine was trained on these items; give held-out ones"):
        compare(named, f"base,mine={adapter}", "0", [held_out_dir], root / "out")
    assert not (root / "out").exists()


def test_what_is_asked_anew_is_unfinished_until_it_is_scored(
    root: Path, data_dir: Path, held_out_dir: Path, data_overrides: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (out := root / "out").mkdir()
    (out / "asked.json").write_text(json.dumps({"model": "tiny-qwen2.5-vl", "arms": ["base"]}))
    (out / "results.json").write_text("{}")
    monkeypatch.setattr(compare_module, "train_and_score", stopping)
    named = resolve("tiny-qwen2.5-vl", [*data_overrides, "--model_revision", "other"])
    with pytest.raises(KeyboardInterrupt):
        compare(named, f"base,a={data_dir}", "0", [held_out_dir], out, data_overrides)
    assert not (out / "results.json").exists()
    assert [entry.state for entry in entries(root) if entry.name == "out"] == ["unfinished comparison"]
    asked = json.loads((out / "asked.json").read_text())
    assert (asked["arms"], asked["base"]) == (["base", "a"], f"{named.recipe.values['model_name_or_path']}@other")


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
    "not held out": ("base,a={data}", "arm a is trained on these items", "--eval-data", "{data}"),
    "no evaluation set": ("base,a={data}", "not a dataset directory", "--eval-data", "{new}"),
    "two of one name": ("base,a={data}", "rename one", "--eval-data", "{held_out}", "--eval-data", "{held_out}"),
    "a word for a seed": ("base,a={data}", "seeds '0,x'", "--seeds", "0,x"),
    "a seed twice": ("base,a={data}", "seeds '1,1'", "--seeds", "1,1"),
    "another's directory": ("base,a={data}", "not a comparison's directory", "--out", "{data}"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_clear_line(
    name: str, data_dir: Path, held_out_dir: Path, root: Path, data_overrides: list[str],
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    arms, says, *more = BAD[name]
    places = {"data": data_dir, "held_out": held_out_dir, "new": root / "new"}
    words = ["--arms", arms, "--out", str(root / "out"), "--eval-data", "{held_out}"]
    if "--eval-data" in more:
        words = words[:4]
    words = [word.format(**places) for word in [*words, *more]]
    monkeypatch.setattr(sys, "argv", ["pgt-lora", "compare", "tiny-qwen2.5-vl", *words, *data_overrides])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    message = [line for line in capsys.readouterr().err.splitlines() if line.startswith("pgt-lora: ")]
    assert ended.value.code == 2
    assert len(message) == 1
    assert says in message[0]
    assert not (root / "out").exists()
