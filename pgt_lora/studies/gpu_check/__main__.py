"""`python -m pgt_lora.studies.gpu_check`: answer what only a GPU can tell, part by part; without one, say so."""

import faulthandler
import os
import platform
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pgt_lora.core.machine import keep_freed_memory
from pgt_lora.core.terminal import hide_noise, print_anything
from pgt_lora.core.versions import versions
from pgt_lora.core.workspace import HOME_VARIABLE, run_directory
from pgt_lora.studies.gpu_check import whole
from pgt_lora.studies.gpu_check.ledger import Ledger
from pgt_lora.studies.gpu_check.plan import DRY, GPU, Plan
from pgt_lora.studies.gpu_check.table import print_table

if TYPE_CHECKING:
    from pgt_lora.studies.gpu_check.bench import Bench

VERSIONS = ("pgt-lora", "torch", "transformers", "tokenizers", "trl", "peft", "datasets", "accelerate")
GRACE = 45  # seconds after the last one, when whatever still runs is ended with a traceback
PARTS = "1,2,3,4,5,6,7"


def gpu_check(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Every part on the smallest models, on a CPU.")] = False,
    parts: Annotated[str, typer.Option(help="Which parts, in the order of their worth.")] = PARTS,
    minutes: Annotated[float, typer.Option(help="What would take longer is left out.")] = 8,
    out: Annotated[Path | None, typer.Option(help="For the figures and logs. Default: runs/gpu-check")] = None,
) -> None:
    """Tell whether the kit runs on this GPU, how fast, in how much memory, and which levers pay."""
    os.environ["CUDA_VISIBLE_DEVICES"] = "" if dry_run else os.environ.get("CUDA_VISIBLE_DEVICES", "0")
    if dry_run:
        os.environ["OMP_NUM_THREADS"] = "1"  # threads of several processes would wait for each other
    import torch

    if not (dry_run or torch.cuda.is_available()):
        typer.echo("gpu-check: no GPU is seen here, so nothing is measured; --dry-run tries every part on a CPU")
        return
    print_anything()
    hide_noise()
    keep_freed_memory()
    ledger = Ledger(out or run_directory("gpu-check"), minutes, {int(part) for part in parts.split(",")})
    faulthandler.dump_traceback_later(60 * minutes + GRACE, exit=True, file=ledger.stream)
    with tempfile.TemporaryDirectory() as work:
        check(DRY if dry_run else GPU, ledger, Path(work))
    faulthandler.cancel_dump_traceback_later()
    raise typer.Exit(1 if ledger.failed else 0)


def check(plan: Plan, ledger: Ledger, work: Path) -> None:
    """Run the parts; while the whole runs of the first one go on, what the others need is made ready."""
    os.environ[HOME_VARIABLE] = str(work)
    ledger.facts = {"dry": plan.dry, "python": platform.python_version(), "versions": versions(*VERSIONS)}
    ledger.say(f"Python {platform.python_version()}, {', '.join(map(' '.join, ledger.facts['versions'].items()))}")
    started = {}
    if 1 in ledger.parts:
        started = {name: whole.start(name, work, plan.small_words, ledger.out / f"{name}.log") for name in plan.small}
    timed = sorted(ledger.parts - {1})
    if timed:
        from pgt_lora.studies.gpu_check.bench import Bench
        from pgt_lora.studies.gpu_check.parts import ready

        bench = Bench(plan, ledger, work)
        make = partial(bench.prepare, plan.full, plan.num_samples)
        ledger.attempt(timed[0], f"{plan.full}: made ready", make, ready)
    whole_runs = partial(finish, ledger, started)
    if timed and plan.dry:  # where times say nothing, both at once
        time_parts(bench)
        whole_runs()
    else:
        whole_runs()
        if timed:
            time_parts(bench)
    print_table(ledger)


def finish(ledger: Ledger, started: Mapping[str, whole.Process]) -> None:
    """Part 1: wait for the whole runs."""
    for name, process in started.items():
        seconds = min(ledger.left(), whole.LONGEST)
        ledger.attempt(1, name, partial(whole.finish, process, seconds), whole.told)


def time_parts(bench: "Bench") -> None:
    """Run the parts that have the machine to themselves."""
    import torch

    from pgt_lora.studies.gpu_check.parts import TIMED, machine

    # The compiler takes a minute on a CPU; that layers are compiled without changing the loss has a test of its own.
    torch.compiler.set_stance("force_eager" if bench.plan.dry else "default")
    bench.ledger.attempt(min(bench.ledger.parts - {1}), "the machine", bench.measure, machine)
    for number, part in TIMED.items():
        if number in bench.ledger.parts:
            with bench.ledger.guard(number):
                part(bench)


if __name__ == "__main__":
    typer.run(gpu_check)
