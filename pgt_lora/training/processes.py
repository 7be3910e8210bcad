"""Several processes: starting one for each GPU, and keeping them together."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from accelerate import PartialState
from accelerate.utils import gather_object
from transformers.utils import logging

from pgt_lora.core.errors import InputError, choices
from pgt_lora.core.machine import free_gpu
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.terminal import console
from pgt_lora.core.workspace import LAUNCH_FILES

LAUNCH_VARIABLE = "PGT_LORA_LAUNCH"
# Seconds that the processes have, once they are to stop, to end their step and save it.
PATIENCE = {"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": "120"}


def launch(
    recipe: Recipe, data: Path, out: Path, overwrite: bool, num_processes: int, eval_data: Path | None = None
) -> None:  # fmt: skip
    """Fine-tune in several processes of this machine, with the launch file that `PGT_LORA_LAUNCH` names (ddp).

    Raises:
        SystemExit: they ended with an error, which they have printed, or were stopped.
    """
    free_gpu()  # this process may have scored the base
    console.print(f"Fine-tuning on {num_processes} GPUs")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / f"{recipe.name}.yaml"
        path.write_text(recipe.dump(), encoding="utf-8")
        words = ["pgt_lora.training", str(path), str(data), str(out), *(["overwrite"] if overwrite else [])]
        words += [str(eval_data)] if eval_data else []
        process = subprocess.Popen([*launcher(num_processes), "-m", *words], env=PATIENCE | os.environ)
        before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        try:
            status = process.wait()
        finally:
            signal.signal(signal.SIGTERM, before)
    if status:
        raise SystemExit(status)


def launcher(num_processes: int) -> list[str]:
    """Return the words that start a module in several processes.

    Raises:
        InputError: there is no launch file of that name.
    """
    name = os.environ.get(LAUNCH_VARIABLE, "ddp")
    path = LAUNCH_FILES / f"{name}.yaml"
    if not path.is_file():
        known = choices(file.stem for file in LAUNCH_FILES.glob("*.yaml"))
        raise InputError(f"{LAUNCH_VARIABLE}={name}: no launch file in {LAUNCH_FILES}; known: {known}")
    threads = max(1, (os.cpu_count() or 1) // num_processes)
    words = ["--config_file", str(path), "--num_processes", str(num_processes)]
    return [
        sys.executable, "-m", "accelerate.commands.launch", *words, "--num_cpu_threads_per_process", str(threads),
    ]  # fmt: skip


@contextmanager
def together() -> Iterator[None]:
    """Stop every process where one of them raises an `InputError`, so that none waits for one that has ended.

    The first process raises it; the others exit, for the message is to appear once.
    """
    error = None
    try:
        yield
    except InputError as caught:
        error = caught
    found = [each for each in gather_object([error]) if each is not None]
    if found:
        leave()
        raise (error or found[0]) if PartialState().is_main_process else SystemExit(2)


def leave() -> None:
    """Leave the other processes, before this one ends."""
    if torch.distributed.is_initialized():
        # With gloo, a thread may still be letting go of the last tensors that traveled. It needs the interpreter for
        # that: if this one closed the group meanwhile, both would wait for ever; if it ended, it would crash.
        time.sleep(0.1)
        torch.distributed.destroy_process_group()


def quieten_others() -> None:
    """Let the first process alone write to the terminal."""
    if not PartialState().is_main_process:
        console.quiet = True
        logging.set_verbosity_error()
        logging.disable_progress_bar()
