"""`make gpu-check`: without a GPU it says so, its dry run tries every part, and one thing's failure keeps no other."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from pgt_lora.core.errors import InputError
from pgt_lora.models.checkpoint import load_model
from pgt_lora.studies.gpu_check import whole
from pgt_lora.studies.gpu_check.__main__ import PARTS, gpu_check
from pgt_lora.studies.gpu_check.ledger import Ledger
from pgt_lora.studies.gpu_check.plan import DRY, GPU
from pgt_lora.studies.gpu_check.timed import Machine, random_weights
from pgt_lora.studies.speed.random_weights import write_frame


def check(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pgt_lora.studies.gpu_check", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)


@pytest.mark.slow
def test_the_dry_run_tries_every_part(tmp_path: Path) -> None:
    done = check("--dry-run", "--out", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert {each["part"] for each in found["entries"]} == {int(part) for part in PARTS.split(",")}
    assert [each for each in found["entries"] if each["status"] == "failed"] == []
    assert found["versions"]["trl"]
    ratios = [each["ratio"] for each in found["entries"] if "ratio" in each]
    assert len(ratios) == 4  # two batches, and two larger models
    levers = {each["name"]: each for each in found["entries"] if each["part"] == 4}
    shorter = {name for name in levers if "no feature cache" in name or "vision tower" in name}  # runs
    assert len(shorter) == 2
    for names in (shorter, levers.keys() - shorter):
        losses = {levers[name]["loss"] for name in names if "loss" in levers[name]}
        assert max(losses) - min(losses) < 1e-3  # no lever changes what is computed
    assert [each["answers"] for name, each in levers.items() if name.startswith("answering")] == [DRY.num_samples] * 2
    assert "| run | at a time | tokens/s |" in done.stdout
    assert done.stdout.count("\n") < 60  # what the runs print is in a file


def test_without_a_gpu_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    gpu_check(out=tmp_path / "out")
    assert "no GPU is seen here" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_a_failure_keeps_nothing_else(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ledger = Ledger(tmp_path, 1, {1, 2})

    def broken() -> dict[str, Any]:
        os.write(1, b"noise")  # as a library in C does, or a process
        return {"value": 1 / 0}

    assert ledger.attempt(1, "broken", broken, str) is None
    assert ledger.attempt(1, "stopped", lambda: sys.exit(3), str) is None
    assert ledger.attempt(2, "fine", lambda: {"value": 3}, lambda found: f"value {found['value']}") == {"value": 3}
    assert ledger.attempt(2, "long", dict, str, seconds=120) is None
    assert ledger.attempt(3, "not asked for", broken, str) is None
    written = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))["entries"]
    assert [each["status"] for each in written] == ["failed", "failed", "done", "left out"]
    said = capfd.readouterr().out
    assert "part 1 | broken | FAILED: ZeroDivisionError: division by zero (test_gpu_check.py:" in said
    assert "part 2 | fine | value 3" in said
    assert "part 2 | long | LEFT OUT: takes about 120 s" in said
    assert "noise" not in said
    assert "1 / 0" in (tmp_path / "errors.log").read_text(encoding="utf-8")
    assert ledger.failed


def test_a_process_that_fails_ends_with_the_last_lines_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (python := tmp_path / "python").write_text('#!/bin/sh\nseq 20\necho "$@"\nexit 2\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    started = whole.start("tiny-internvl3", tmp_path, ["--no_such_field", "1"], tmp_path / "log")
    words = f"-m pgt_lora.studies.gpu_check.whole tiny-internvl3 {tmp_path}/tiny-internvl3/run --no_such_field 1"
    with pytest.raises(InputError, match=rf"ended with status 2; its last lines:\n    10\n(.*\n)+    {words}$"):
        whole.finish(started, 60)


@pytest.mark.slow
def test_a_whole_run_that_fails_ends_with_the_last_lines_of_its_log(tmp_path: Path) -> None:
    started = whole.start("tiny-internvl3", tmp_path, ["--no_such_field", "1"], tmp_path / "log")
    with pytest.raises(InputError, match=r"ended with status 2; its last lines:\n.*unknown key 'no_such_field'"):
        whole.finish(started, 60)


def test_random_weights_are_the_same_every_time(base_dir: Path) -> None:
    own = PreTrainedModel.__dict__["from_pretrained"]
    with random_weights(torch.device("cpu")):
        one, other = (load_model(str(base_dir), dtype="bfloat16", attn_implementation="sdpa") for _ in range(2))
    assert PreTrainedModel.__dict__["from_pretrained"] is own
    assert one.dtype == torch.bfloat16
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_a_frame_names_the_class_that_others_load(tmp_path: Path) -> None:
    write_frame("Qwen/Qwen2.5-VL-3B-Instruct", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert config["architectures"] == ["Qwen2_5_VLForConditionalGeneration"]
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_card_has_the_rate_of_its_own_data_sheet() -> None:
    rates = {"1 × NVIDIA H100 80GB HBM3": 989e12, "1 × NVIDIA H100 PCIe": 756e12, "1 × NVIDIA T4": None}
    assert {name: Machine(True, name, 80, 1e12).sheet_rate for name in rates} == rates


def test_there_are_samples_for_every_step() -> None:
    assert GPU.num_samples >= GPU.steps * GPU.global_batch
    assert GPU.num_larger >= GPU.steps * GPU.batches[1]
    assert all(GPU.global_batch % size == 0 for size in GPU.batches)
