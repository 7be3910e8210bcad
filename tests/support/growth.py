"""Time and memory of the commands by the number of rows; `python -m tests.support.growth 1000 10000` prints a table.

Names of commands can follow; `generate` is to be among them, as the others read what it makes.

Every command runs in a process of its own. Its memory is what it has asked for itself, sampled while it runs: files
that are mapped into memory, such as a dataset's rows and a feature cache, are the system's to drop and do not count.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

MODEL = "tiny-qwen2.5-vl"
EVERY_S = 0.2
MIB = 2**20
STEP = ("--max_steps", "1", "--warmup_steps", "0", "--skills", "false", "--replay", "0")


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds by the clock and of the processor, and the most memory of its own, in MiB."""

    seconds: float
    cpu_seconds: float
    peak_mib: float

    def __str__(self) -> str:
        """Spell it: the processor's seconds, which other work on the machine changes little, first."""
        return f"{self.cpu_seconds:,.1f} s ({self.seconds:,.0f}), {self.peak_mib:,.0f} MiB"


def commands(rows: int, work: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the name and the words of every command on so many rows; each may read what those before it made."""
    data, test = str(work / "data"), str(work / "test")
    generate = ["generate", "--num-samples", str(rows), "--canvas", "112"]
    yield "generate", [*generate, "--out", data]
    yield "generate, held out", [*generate, "--out", test, "--split", "test"]
    yield "check", ["check", MODEL, "--data", data]
    yield "preview", ["preview", data, "--out", str(work / "page.html")]
    train = ["finetune", MODEL, "--data", data, *STEP]
    yield "finetune, one step", [*train, "--feature_cache_gb", "0", "--out", str(work / "one")]
    yield "the same, features made", [*train, "--out", str(work / "two")]
    yield "the same, features there", [*train, "--out", str(work / "three")]
    yield "evaluate", ["evaluate", MODEL, "--eval-data", test, "--out", str(work / "scores")]
    yield "overlay", ["overlay", data, "--out", str(work / "overlaid")]
    yield "mixture", [*train, "--data", f"{data}=0.5,{test}=0.5", "--feature_cache_gb", "0", "--out", str(work / "mix")]
    yield "push-dataset", ["push-dataset", data, "nobody/rows", "--dry-run", "--annotations-only"]


def cost(words: list[str], log: Path, home: Path) -> Cost:
    """Run a command and return what it took; its processes' memory counts together.

    Raises:
        SystemExit: it failed.
    """
    began, before, peak = time.monotonic(), cpu_seconds(), 0
    environment = {**os.environ, "PGT_LORA_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "pgt_lora", *words], stdout=file, stderr=subprocess.STDOUT, env=environment
        )
        while process.poll() is None:
            peak = max(peak, own_bytes(process.pid))
            time.sleep(EVERY_S)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {process.returncode}; {log} says why")
    return Cost(time.monotonic() - began, cpu_seconds() - before, peak / MIB)


def cpu_seconds() -> float:
    """Return the processor's seconds of all processes that were started here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def own_bytes(pid: int) -> int:
    """Return the memory of a process and of those that it started, without files that are mapped."""
    total = 0
    try:
        for each in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            lines = Path(f"/proc/{each.pid}/status").read_text(encoding="utf-8").splitlines()
            total += sum(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))
    except (psutil.NoSuchProcess, OSError):  # it has just ended
        pass
    return total


def table(found: Mapping[str, Mapping[int, Cost]]) -> Iterator[str]:
    """Yield the lines of the table, a row for every command."""
    numbers = sorted({number for costs in found.values() for number in costs})
    yield f"| | {' | '.join(f'{number:,} rows' for number in numbers)} |"
    yield "|---|" + "---:|" * len(numbers)
    for name, costs in found.items():
        yield f"| {name} | {' | '.join(str(costs.get(number, '')) for number in numbers)} |"


def main(numbers: list[int], chosen: list[str]) -> None:
    """Measure the commands, all of them or those that are chosen by name, on every number of rows, the fewest first."""
    root = Path(tempfile.mkdtemp(prefix="growth-"))
    found: dict[str, dict[int, Cost]] = {}
    for number in sorted(numbers):
        work = root / str(number)
        work.mkdir()
        for name, words in commands(number, work):
            if not chosen or name in chosen:
                found.setdefault(name, {})[number] = cost(words, work / "log.txt", work)
                print(f"{number:,} rows: {name}: {found[name][number]}", flush=True)
    print("\n".join(table(found)))
    shutil.rmtree(root)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:] if word.isdigit()], [word for word in sys.argv[1:] if not word.isdigit()])
