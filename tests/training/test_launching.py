"""How `make`, Slurm and accelerate start the processes."""

import os
import subprocess
from pathlib import Path

import pytest

from pgt_lora.core.recipe import RECIPES
from pgt_lora.core.workspace import SHIPPED


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins for what a machine with GPUs and a cluster have; the launcher prints its words."""
    for name, lines in {
        "bin/nvidia-smi": "seq 0 3",
        "bin/scontrol": "printf 'node7\nnode8\n'",
        "bin/srun": 'shift; exec "$@"',
        ".venv/bin/accelerate": 'echo "accelerate $@"',
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    for name in ("CUDA_VISIBLE_DEVICES", "MAKEFLAGS", "MFLAGS", "ARGS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def make(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--dry-run", "--print-data-base", "finetune", *words], cwd=SHIPPED, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_make_takes_the_gpus_that_are_asked_for(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "CUDA_VISIBLE_DEVICES :=" not in make().stdout  # all of them, as they are
    assert "CUDA_VISIBLE_DEVICES := 0,1\n" in make("GPUS=2").stdout
    assert "GPUS=5, but 4 are visible" in make("GPUS=5").stderr
    words = make("NODES=2", "NODE=1", "MASTER=host0", "DATA=d", "OUT=o", "LAUNCH=fsdp2").stdout.replace("\\\n", "")
    assert "fsdp2.yaml --num_machines 2   --num_processes $((2 * 4)) --machine_rank 1" in words
    assert "-m pgt_lora finetune tiny-qwen2.5-vl --data 'd' --out 'o'" in words
    words = make("DATA=a.json=0.9,pgt=0.1", "EVAL=one two", "ARGS=--seed 1").stdout
    assert "run tiny-qwen2.5-vl --data 'a.json=0.9,pgt=0.1' --eval-data one --eval-data two --seed 1\n" in words
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6,7")
    assert "CUDA_VISIBLE_DEVICES := 4,6\n" in make("GPUS=2").stdout


def test_slurm_starts_a_launcher_on_every_node(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"NNODES": "2", "NODEID": "1", "GPUS_ON_NODE": "8", "JOB_NODELIST": "node[7-8]", "SUBMIT_DIR": programs}
    for name, value in values.items():
        monkeypatch.setenv(f"SLURM_{name}", str(value))
    script = RECIPES / "accelerate" / "slurm.sh"
    words = [str(script), "qwen2.5-vl-7b", "DATA", "OUT", "--learning_rate", "1e-4"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        "accelerate", "launch", "--config_file", "recipes/accelerate/ddp.yaml", "--num_machines", "2",
        "--num_processes", "16", "--machine_rank", "1", "--main_process_ip", "node7", "--main_process_port", "29500",
        "-m", "pgt_lora", "finetune", "qwen2.5-vl-7b", "--data", "DATA", "--out", "OUT", "--learning_rate", "1e-4",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["ddp", "fsdp2"])
def test_accelerate_reads_the_launch_files(name: str) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(RECIPES / "accelerate" / f"{name}.yaml"))
    assert config.distributed_type == {"ddp": "MULTI_GPU", "fsdp2": "FSDP"}[name]
    assert config.num_processes == -1  # so that a launch without a number of processes is refused
