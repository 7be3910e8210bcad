"""What a killed `generate` leaves: nothing that lives, and nothing that the next run does not clear away."""

import subprocess
import sys
from pathlib import Path

import psutil

from pgt_lora.data.generate import generate

STALLING = """
import os, sys
from threading import Event
from pathlib import Path
from pgt_lora.data.generate import generate
from pgt_lora.data.weights import tasks
from pgt_lora.data.tasks.task import Task

def compose(rng, settings, question):
    print("at work", flush=True)
    Event().wait()

counting = tasks()["counting"]
tasks()["stalling"] = Task("stalling", "stalling", counting.plan, compose, counting.solve)
if __name__ == "__main__":
    generate(Path(sys.argv[1]), num_samples=99, seed=5, weights={"stalling": 1.0}, num_proc=2)
"""


def test_workers_end_with_their_parent_and_the_next_run_clears_up(tmp_path: Path) -> None:
    (script := tmp_path / "stalling.py").write_text(STALLING)
    command = [sys.executable, str(script), str(tmp_path / "a")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
        assert run.stdout is not None
        assert b"at work" in run.stdout.readline()
        workers = psutil.Process(run.pid).children(recursive=True)
        assert workers
        run.kill()
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert alive == []
    (left,) = tmp_path.glob("a.partial-*")
    generate(tmp_path / "a", num_samples=2, seed=0)
    assert not left.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "stalling.py"]
