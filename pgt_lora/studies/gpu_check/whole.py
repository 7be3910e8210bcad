"""Whole runs, as `pgt-lora run` does them, and how long their stages took.

`python -m pgt_lora.studies.gpu_check.whole RECIPE OUT …` is one in a process of its own; fields of the recipe follow.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.failures import exit_with_one_line
from pgt_lora.core.files import read_json
from pgt_lora.core.machine import keep_freed_memory
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.terminal import hide_noise, print_anything
from pgt_lora.core.workspace import HOME_VARIABLE

LAST_LINES = 12
LONGEST = 150  # seconds that a small model's run may take
# What each stage ends with, in a run's directory; loading and making data belong to the first.
STAGES = {
    "base scored": "base/pgt/scores.json", "trained": "adapter/run.json", "scored": "finetuned/pgt/scores.json",
    "merged": "merged/model.safetensors*", "verified": "merged/verification.json", "reported": "report.html",
}  # fmt: skip


@dataclass(frozen=True)
class Process:
    """A run that was started: its process, its directory, its log, and when it was started."""

    process: "subprocess.Popen[bytes]"
    out: Path
    log: Path
    began: float


def start(recipe: str, work: Path, words: Sequence[str], log: Path) -> Process:
    """Start a whole run, with data of its own, in a directory of its own."""
    home = work / recipe
    home.mkdir(parents=True)
    began = time.time()
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "pgt_lora.studies.gpu_check.whole", recipe, str(home / "run"), *words],
            stdout=file, stderr=subprocess.STDOUT, env={**os.environ, HOME_VARIABLE: str(home)},
        )  # fmt: skip
    return Process(process, home / "run", log, began)


def finish(started: Process, seconds: float) -> dict[str, Any]:
    """Wait for a run, and return the seconds of its stages and what its verification found.

    Raises:
        InputError: it failed, or took longer than `seconds`; the message ends with the last lines of its log.
    """
    try:
        status: int | str = started.process.wait(max(seconds, 1))
    except subprocess.TimeoutExpired:
        status = f"none after {time.time() - started.began:.0f} s"
        started.process.kill()
    if status:
        lines = started.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
        raise InputError("\n    ".join([f"ended with status {status}; its last lines:", *lines]))
    return {"stages": stages(started.out, started.began), "verification": verification(started.out)}


def stages(out: Path, began: float) -> dict[str, float]:
    """Return the seconds from the end of each stage to that of the next, by when their files were written."""
    found, last = {}, began
    for stage, pattern in STAGES.items():
        written = max(path.stat().st_mtime for path in out.glob(pattern))
        found[stage], last = round(written - last, 1), written
    return found


def verification(out: Path) -> str:
    """Return what a run's verification says of greedy answers and scores.

    Raises:
        InputError: it did not pass.
    """
    record = read_json(out / "merged" / "verification.json")
    if not record["passed"]:
        raise InputError(f"not verified: {record['checks']}")
    return "; ".join(check["figures"] for check in record["checks"][3:])


def told(figures: dict[str, Any]) -> str:
    """Spell a run in a line."""
    spelled = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in figures["stages"].items())
    return f"passed in {sum(figures['stages'].values()):.0f} s ({spelled}); {figures['verification']}"


def run_here(recipe: Recipe, out: Path) -> dict[str, Any]:
    """Do a whole run in this process, and return what `finish` does."""
    from pgt_lora.studies.before_after.run import run

    began = time.time()
    run(recipe, out=out)
    return {"stages": stages(out, began), "verification": verification(out)}


if __name__ == "__main__":
    from pgt_lora.models.names import resolve

    print_anything()
    hide_noise()
    keep_freed_memory()
    with exit_with_one_line():
        run_here(resolve(sys.argv[1], sys.argv[3:]).recipe, Path(sys.argv[2]))
