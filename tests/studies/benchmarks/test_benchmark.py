"""The whole command, with an lmms-eval that gives what was recorded."""

import json
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.mix.images import Shelf
from pgt_lora.evaluation.score_files import read_scores
from pgt_lora.studies.benchmarks import harness
from pgt_lora.studies.benchmarks.benchmark import benchmark
from pgt_lora.studies.benchmarks.plan import Data
from pgt_lora.studies.benchmarks.subject import resolve_subject
from tests.support.command import call
from tests.support.recorded_logs import LOGS

STAND_IN = """#!{python}
import pathlib, shutil, sys
with open({calls!r}, "a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
if "-c" in sys.argv:
    print(*("0.7.3" for _ in sys.argv[sys.argv.index("-c") + 2:]))
elif {works}:
    shutil.copytree({logs!r}, sys.argv[sys.argv.index("--output_path") + 1])
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Put a program in lmms-eval's place; return a function that sets how it behaves and returns its runs so far."""
    path, calls = tmp_path / "lmms-eval", tmp_path / "calls"
    monkeypatch.setenv(harness.PYTHON_VARIABLE, str(path))

    def behave(logs: Path = LOGS, works: bool = True) -> list[str]:
        path.write_text(STAND_IN.format(python=sys.executable, calls=str(calls), logs=str(logs), works=works))
        path.chmod(path.stat().st_mode | stat.S_IEXEC)
        return [line for line in calls.read_text().splitlines() if "--tasks" in line] if calls.exists() else []

    behave()
    return behave


def test_the_whole_command(
    stand_in: Callable[..., list[str]], base_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Data("pope,mmvp,blink", [], Shelf(tmp_path / "cache"))
    report = benchmark(resolve_subject(str(base_dir)), data, tmp_path / "a", harness.HarnessSettings())
    assert list(report.scores) == ["blink", "mmvp", "pope"]
    summary = json.loads((tmp_path / "a" / "scores.json").read_text())
    assert summary["benchmarks"]["mmvp"]["rule"] == "pairs"
    assert summary["benchmarks"]["blink"]["value"] == report.scores["blink"].value
    assert summary["image_limits"] == {"min_pixels": 3136, "max_pixels": 200704}
    assert summary["generation"] == {"do_sample": False, "repetition_penalty": 1.0}
    scores = read_scores(tmp_path / "a")
    assert {name: score.num_samples for name, score in scores.items()} == {"blink": 18, "mmvp": 3, "pope": 6}
    assert scores["mmvp"].chance == 0.25
    lines = [json.loads(line) for line in (tmp_path / "a" / "predictions.jsonl").open()]
    assert sum(line["correct"] for line in lines) == sum(score.num_correct for score in scores.values())
    # The same command reads again and runs nothing; another one is refused, and replaces with --overwrite alone.
    benchmark(resolve_subject(str(base_dir)), data, tmp_path / "a", harness.HarnessSettings())
    assert len(stand_in()) == 1
    with pytest.raises(InputError, match="exists; choose another directory or pass --overwrite"):
        benchmark(resolve_subject(str(base_dir)), data, tmp_path / "a", harness.HarnessSettings(limit=2))
    benchmark(resolve_subject(str(base_dir)), data, tmp_path / "a", harness.HarnessSettings(limit=2), overwrite=True)
    assert len(stand_in()) == 2
    with pytest.raises(InputError, match="MMVP counts pairs"):
        benchmark(resolve_subject(str(base_dir)), data, tmp_path / "b", harness.HarnessSettings(limit=3))
    (tmp_path / "a" / "asked.json").unlink()
    with pytest.raises(InputError, match="was not made by pgt-lora"):
        benchmark(resolve_subject(str(base_dir)), data, tmp_path / "a", harness.HarnessSettings(), overwrite=True)
    with pytest.raises(InputError, match=r"no predictions\.jsonl; make it with"):
        benchmark(
            resolve_subject(str(base_dir)), data, tmp_path / "b", harness.HarnessSettings(), reference=tmp_path / "none"
        )
    stand_in(works=False)
    with pytest.raises(InputError, match="ended without results"):
        benchmark(resolve_subject(str(base_dir)), data, tmp_path / "b", harness.HarnessSettings())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "calls", "lmms-eval"]


def test_items_on_which_the_model_failed_do_not_stay(
    stand_in: Callable[..., list[str]], base_dir: Path, tmp_path: Path
) -> None:
    lines = (LOGS / "model" / "recorded_samples_pope.jsonl").read_text().splitlines()
    failed = [json.loads(line) | {"resps": [[""]], "token_counts": [None]} for line in lines]
    shutil.copytree(LOGS / "model", tmp_path / "logs" / "model")
    log = tmp_path / "logs" / "model" / "recorded_samples_pope.jsonl"
    log.write_text("".join(json.dumps(each) + "\n" for each in failed))
    stand_in(tmp_path / "logs")
    data = Data("pope", [], Shelf(tmp_path / "cache"))
    with pytest.raises(InputError, match="the model failed on 6 items"):
        benchmark(resolve_subject(str(base_dir)), data, tmp_path / "out", harness.HarnessSettings())
    assert not (tmp_path / "out").exists()
    stand_in()
    assert benchmark(resolve_subject(str(base_dir)), data, tmp_path / "out", harness.HarnessSettings()).scores
    assert len(stand_in()) == 2


def test_two_models_are_compared_item_by_item(
    stand_in: Callable[..., list[str]], base_dir: Path, tmp_path: Path
) -> None:
    data = Data("pope,ai2d", [], Shelf(tmp_path / "cache"))
    benchmark(resolve_subject(str(base_dir)), data, tmp_path / "before", harness.HarnessSettings())
    shutil.copytree(LOGS / "model", tmp_path / "logs" / "model")
    lines = (LOGS / "model" / "recorded_samples_pope.jsonl").read_text().splitlines()
    better = [json.loads(line) for line in lines]
    text = "".join(json.dumps(each | {"filtered_resps": each["target"].title() + "."}) + "\n" for each in better)
    (tmp_path / "logs" / "model" / "recorded_samples_pope.jsonl").write_text(text)
    stand_in(tmp_path / "logs")
    report = benchmark(
        resolve_subject(str(base_dir)),
        data,
        tmp_path / "after",
        harness.HarnessSettings(),
        reference=tmp_path / "before",
    )
    assert report.reference is not None
    contrast = report.reference.contrast
    rows = {row.task: row for row in contrast.rows}
    assert (contrast.arm, contrast.reference, report.reference.is_base) == ("after", "before", True)
    assert report.reference.scores["pope"].value == 0
    assert (rows["pope"].value, rows["pope"].won, rows["pope"].lost) == (1.0, 6, 0)
    assert (rows["ai2d"].value, rows["ai2d"].won) == (0.0, 0)
    assert "## after minus before" in (tmp_path / "after" / "report.md").read_text()
    assert "| pope | 6 | 100.0 |" in (tmp_path / "after" / "report.md").read_text()
    runs = len(stand_in(tmp_path / "logs"))
    with pytest.raises(InputError, match="with --max-new-tokens left out and not 5; benchmark both with the same"):
        benchmark(
            resolve_subject(str(base_dir)), data, tmp_path / "longer", harness.HarnessSettings(max_new_tokens=5),
            reference=tmp_path / "before",
        )  # fmt: skip
    assert len(stand_in(tmp_path / "logs")) == runs and not (tmp_path / "longer").exists()
    other = Data("gqa", [], Shelf(tmp_path / "cache"))
    with pytest.raises(InputError, match="has other items"):
        benchmark(
            resolve_subject(str(base_dir)),
            other,
            tmp_path / "other",
            harness.HarnessSettings(),
            reference=tmp_path / "before",
        )


def test_the_command_line_reports_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], base_dir: Path, data_dir: Path, tmp_path: Path
) -> None:
    monkeypatch.delenv(harness.PYTHON_VARIABLE, raising=False)
    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path))
    monkeypatch.setattr(harness, "SHIPPED", tmp_path)
    monkeypatch.setattr(harness, "find_spec", lambda name: None)
    for words, says in (
        (("--suite", "pope"), "make lmms-eval-setup"),
        (("--suite", "papers"), "known suites"),
        (("--suite", "pope", "--annotations", "gqa=x"), "known: tallyqa, vsr, whatsup"),
        (("--eval-data", data_dir, "--eval-data", data_dir), "rename it"),
    ):
        status, error = call(monkeypatch, capsys, "benchmark", base_dir, "--out", tmp_path / "out", *words)
        assert (status, error.count("\n")) == (2, 1)
        assert says in error
    monkeypatch.setattr(harness, "find_spec", lambda name: name)
    with pytest.raises(
        InputError, match="needed there: lmms-eval, pgt-lora, transformers, vllm; run: make lmms-eval-setup"
    ):
        harness.find_python("vllm")
    monkeypatch.setenv(harness.PYTHON_VARIABLE, str(tmp_path / "python"))
    with pytest.raises(InputError, match="cannot be run"):
        harness.find_python("hf")
    assert not (tmp_path / "out").exists()
