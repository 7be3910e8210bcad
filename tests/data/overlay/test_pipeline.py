"""The shard function under datatrove's executors: the same directory as that of the command, hash for hash."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from pgt_lora.core.workspace import RECIPES
from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.data.overlay.build import begin, overlay_data
from pgt_lora.data.overlay.pipeline import MakeShards
from pgt_lora.data.overlay.plan import OverlaySettings
from pgt_lora.models.sight import default_sight
from tests.support.shards import SETTINGS, photographed

pytest.importorskip("datatrove", reason="the extra `scale` is not installed")
SCRIPT = RECIPES / "scale" / "overlay.py"
OPTIONS = ("--proportion", "0.5", "--seed", "7", "--shards", "5")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photographed(tmp_path_factory.mktemp("scale"), 24)


@pytest.fixture(scope="module")
def whole(source: Path) -> Path:
    overlay_data(str(source), source.with_name("whole"), SETTINGS, num_shards=5, seen=default_sight())
    return source.with_name("whole")


def run_here(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["overlay.py", *words])
    runpy.run_path(str(SCRIPT), run_name="__main__")


def check_same(out: Path, whole: Path) -> None:
    manifest = read_manifest(out)
    assert manifest == read_manifest(whole)
    assert manifest["num_samples"] == 24 and manifest["overlay"]
    assert open_dataset(out)["id"] == open_dataset(whole)["id"]
    assert not out.with_name("out.unfinished").exists()


def test_the_local_executor_makes_what_the_command_makes(
    source: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_here(monkeypatch, "local", str(source), str(tmp_path / "out"), *OPTIONS)
    check_same(tmp_path / "out", whole)


@pytest.mark.slow
def test_so_do_its_processes(source: Path, whole: Path, tmp_path: Path) -> None:
    words = ("local", str(source), str(tmp_path / "out"), *OPTIONS, "--workers", "2")
    told = subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    check_same(tmp_path / "out", whole)


def test_tasks_share_the_shards_and_leave_what_is_there(source: Path, tmp_path: Path) -> None:
    job = begin(str(source), tmp_path / "out", SETTINGS, num_shards=5)
    step = MakeShards(job)
    step(None, 1, 2)
    assert [job.path(shard).is_file() for shard in range(5)] == [False, True, False, True, False]
    before = job.path(1).stat().st_mtime_ns
    step(None, 0, 1)
    assert all(job.path(shard).is_file() for shard in range(5))
    assert job.path(1).stat().st_mtime_ns == before


def test_slurm_is_given_the_shards_and_then_the_end(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an `sbatch` that keeps the scripts."""
    sbatch = tmp_path / "bin" / "sbatch"
    sbatch.parent.mkdir()
    sbatch.write_text(f'#!/bin/sh\nn=$(ls {tmp_path}/job-* 2>/dev/null | wc -l)\n'
                      f'cp "$(eval echo \\${{$#}})" {tmp_path}/job-$n\necho Submitted batch job 4$n\n')  # fmt: skip
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", f"{sbatch.parent}{os.pathsep}{os.environ['PATH']}")
    out = tmp_path / "out"
    run_here(monkeypatch, "slurm", str(source), str(out), *OPTIONS, "--partition", "cpu")
    first, second = ((tmp_path / f"job-{number}").read_text() for number in range(2))
    assert "#SBATCH --array=0-4" in first and "#SBATCH --partition=cpu" in first
    assert "#SBATCH --array=0-0" in second and "#SBATCH --dependency=afterok:40" in second
    assert OverlaySettings(0.5, seed=7) == SETTINGS and not out.exists()
