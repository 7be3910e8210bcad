"""The list of runs, at every stage that one may be at."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pgt_lora.studies.tables.listing import entries
from tests.support.command import call
from tests.support.scored_runs import questions, scored_run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    data = questions(tmp_path / "pgt")
    run = scored_run(tmp_path / "runs" / "whole", data, dict.fromkeys(("relation", "distance"), 0.0),
                     dict.fromkeys(("relation", "distance"), 1.0))  # fmt: skip
    (run / "adapter").mkdir()
    manifest = {"num_samples": 5000, "sources": {"pgt": {}, "tallyqa": {}}}
    (run / "adapter" / "run.json").write_text(json.dumps({"data": manifest}))
    (run / "merged").mkdir()
    (run / "merged" / "verification.json").write_text(json.dumps({"passed": True, "sha256": {}}))
    return tmp_path / "runs"


def test_every_stage(root: Path) -> None:
    for name, gone in {"failed": [], "scored": ["merged"], "trained": ["merged", "finetuned"]}.items():
        shutil.copytree(root / "whole", root / name)
        for part in gone:
            shutil.rmtree(root / name / part)
    (root / "failed" / "merged" / "verification.json").write_text(json.dumps({"passed": False}))
    shutil.copytree(root / "trained", root / "cut")
    shutil.rmtree(root / "cut" / "adapter")
    for step in (20, 100):
        (root / "cut" / "checkpoints" / f"checkpoint-{step}").mkdir(parents=True)
    shutil.copytree(root / "whole", root / "broken")
    (root / "broken" / "started.json").write_text("{")
    (root / "no-run").mkdir()
    found = {each.name: each for each in entries(root)}
    assert {name: (each.state, each.verified) for name, each in found.items() if name != "broken"} == {
        "whole": ("merged", "passed"), "failed": ("merged", "FAILED"), "scored": ("scored", ""),
        "trained": ("trained", ""), "cut": ("saved after step 100", ""),
    }  # fmt: skip
    assert found["broken"].state.startswith("cannot be read: ")
    assert found["whole"].model == "tiny-qwen2.5-vl"
    assert found["whole"].data == "5,000 of pgt, tallyqa"
    assert found["whole"].scores == "Held-out PGT: 0.0 → 100.0"
    assert found["cut"].data == "0123456789ab"
    begun = root / "cut" / "started.json"
    begun.write_text(json.dumps(json.loads(begun.read_text()) | {"given": {"data": "/data/mine", "eval_data": []}}))
    assert next(each.data for each in entries(root) if each.name == "cut") == "/data/mine"
    record = root / "whole" / "adapter" / "run.json"
    record.write_text(json.dumps({"data": {"num_samples": 5, "asked": {}}}))  # of `generate`, which names no sources
    os.utime(record, (9e9, 9e9))
    (whole,) = (each for each in entries(root) if each.name == "whole")
    assert (whole.data, whole.verified) == ("5 of pgt", "passed; files are newer")


def test_the_command(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name, asked in {
        "own": {"arms": ["base", "mine=data/x"]},
        "named": {"arms": ["base"], "preset": "transfer"},
    }.items():
        (root / name).mkdir()
        (root / name / "asked.json").write_text(json.dumps({"model": "data/tiny-qwen2.5-vl"} | asked))
    found = {each.name: each for each in entries(root)}
    assert (found["own"].data, found["named"].data) == ("base, mine=data/x", "transfer")
    assert found["own"].state == "unfinished comparison"
    assert call(monkeypatch, capsys, "runs", root)[0] == 0
    status, error = call(monkeypatch, capsys, "runs", root / "nowhere")
    assert status == 2
    assert "no such directory" in error


def test_runs_and_tables_are_read_without_torch() -> None:
    modules = ("listing", "formats", "figure", "citations")
    read = "; ".join(f"import pgt_lora.studies.tables.{name}" for name in modules)
    loaded = f"import sys; {read}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", loaded], check=True)  # it takes seconds to import
