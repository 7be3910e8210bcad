"""A run that is killed in whatever stage ends, by the same command, as one that was not."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import importlib, os, signal, sys

module, name, number = sys.argv.pop(1), sys.argv.pop(1), int(sys.argv.pop(1))
target = importlib.import_module(module)
original, calls = getattr(target, name), []

def killed(*args, **kwargs):
    calls.append(name)
    if len(calls) == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*args, **kwargs)

setattr(target, name, killed)
from pgt_lora.cli.app import main
main()
"""
# Where the process is killed: a function, and at which of its calls.
STAGES = {
    "data": ("pgt_lora.data.generate", "write_manifest", 1),
    "cache": ("pgt_lora.models.feature_cache", "compute", 1),
    "base scores": ("pgt_lora.evaluation.evaluate", "write_scores", 1),
    "steps": ("pgt_lora.training.trainer", "supervised_inputs", 6),
    "saving": ("pgt_lora.training.adapter", "hardware", 1),
    "scores": ("pgt_lora.evaluation.evaluate", "write_scores", 2),
    "merging": ("pgt_lora.export.merge", "companion_files", 1),
    "before verifying": ("pgt_lora.export.merge", "verify_in_fresh_process", 1),
    "after verifying": ("pgt_lora.export.merge", "has_passed", 1),
    "report": ("pgt_lora.studies.before_after.run", "write_report", 1),
}
KEPT = (
    "adapter/adapter_model.safetensors", "adapter/loss.json", "merged/model.safetensors", "base/pgt/predictions.jsonl",
    "finetuned/pgt/predictions.jsonl",
)  # fmt: skip


def start(home: Path, words: list[str], *script: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PGT_LORA_HOME": str(home)}
    command = [sys.executable, *(["-c", SCRIPT, *script] if script else ["-m", "pgt_lora"]), "run", "tiny-qwen2.5-vl"]
    return subprocess.run([*command, *words], env=env, capture_output=True, text=True, check=False)


def outcome(home: Path) -> dict[str, object]:
    """What a run leaves that has to be the same, however often it was killed."""
    run = home / "runs" / "tiny-qwen2.5-vl"
    found: dict[str, object] = {name: (run / name).read_bytes() for name in KEPT}
    checks = json.loads((run / "merged" / "verification.json").read_text())["checks"]
    found["checks"] = [(check["name"], check["passed"], check["figures"]) for check in checks]
    found["left"] = sorted(path.name for path in home.rglob("*partial*"))
    assert (run / "report.html").is_file()
    return found


@pytest.fixture(scope="module")
def words(base_dir: Path) -> list[str]:
    return [
        "--model_name_or_path", str(base_dir), "--per_device_train_batch_size", "4", "--global_batch_size", "8",
        "--num_test_samples", "10", "--num_samples", "32", "--skills", "false", "--save_steps", "2",
        "--num_train_epochs", "1", "--logging_steps", "1", "--per_device_eval_batch_size", "8",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def whole(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("whole")
    finished = start(home, words)
    assert finished.returncode == 0, finished.stderr
    return home


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_the_same_command_ends_it_as_if_nothing_had_been(
    stage: str, whole: Path, words: list[str], tmp_path: Path
) -> None:
    if stage != "data":  # which is made in the first seconds, and takes them
        shutil.copytree(whole / "data", tmp_path / "data", ignore=shutil.ignore_patterns("*-features-*"))
    module, name, number = STAGES[stage]
    killed = start(tmp_path, words, module, name, str(number))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = start(tmp_path, words)
    assert resumed.returncode == 0, resumed.stderr
    assert outcome(tmp_path) == outcome(whole)
    again = start(tmp_path, words)
    assert again.returncode == 0, again.stderr
    assert outcome(tmp_path) == outcome(whole)
