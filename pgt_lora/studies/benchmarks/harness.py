"""lmms-eval in its own environment: the command line, the tasks that are plugged in, and the run."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from pgt_lora.core.errors import InputError, choices
from pgt_lora.core.workspace import IS_CHECKOUT, RECIPES, SHIPPED
from pgt_lora.models.families.family import Family
from pgt_lora.studies.benchmarks.subject import Backend, Subject

TESTED = "0.7.3"
PYTHON_VARIABLE = "LMMS_EVAL_PYTHON"
INSTALL = (
    "run: make lmms-eval-setup"
    if IS_CHECKOUT
    else f"run: pip install 'pgt-lora[eval]' in an environment of its own, and name its Python in {PYTHON_VARIABLE}"
)
ONE_AT_A_TIME = ("internvl_hf", "llava_hf")  # lmms-eval's wrappers take no batches of these
TASKS = Path(__file__).parent / "lmms_tasks"
# vLLM passes all of it on. The others pass the first two on; for them the penalty is taken out of the checkpoint.
GENERATION = {"temperature": "0", "do_sample": "False", "repetition_penalty": "1.0"}


@dataclass(frozen=True)
class HarnessSettings:
    """How lmms-eval is to run: `processes` are one per GPU, 0 for the CPU; `limit` takes the first items of each task.

    `hub_copies` holds copies of benchmarks under their Hub ids, which are taken instead of the Hub's. `max_new_tokens`
    is an answer's greatest length, in the place of each task's own.
    """

    backend: str = "hf"
    batch_size: int = 1
    limit: int | None = None
    processes: int = 0
    hub_copies: Path | None = None
    max_new_tokens: int | None = None


def find_python(backend: str) -> tuple[str, dict[str, str]]:
    """Return the Python that lmms-eval is installed for, the Make target's or this one, and the versions there.

    `LMMS_EVAL_PYTHON` names another one.

    Raises:
        InputError: there is none, or it lacks something.
    """
    made = SHIPPED / ".venv-lmms-eval" / "bin" / "python"
    named = os.environ.get(PYTHON_VARIABLE) or (str(made) if made.exists() else sys.executable)
    python = str(Path(shutil.which(named) or named).absolute())  # not resolved: a link tells which environment it is
    if python == sys.executable and find_spec("lmms_eval") is None:
        raise InputError(f"lmms-eval is not installed; {INSTALL}")
    names = ["lmms-eval", "pgt-lora", "transformers", *(["vllm"] if backend == Backend.VLLM else [])]
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    try:
        done = subprocess.run([python, "-c", code, *names], capture_output=True, text=True, check=False)
    except OSError as error:
        raise InputError(f"{python}: cannot be run ({error}); {INSTALL}") from error
    if done.returncode:
        reason = (done.stderr.splitlines() or [""])[-1]
        raise InputError(f"{python}: {reason}; needed there: {', '.join(names)}; {INSTALL}")
    return python, dict(zip(names, done.stdout.split(), strict=True))


def model_arguments(subject: Subject, settings: HarnessSettings, limits: Mapping[str, int]) -> dict[str, str]:
    """Return `--model_args`: the checkpoint, the processor's own image limits, and the device.

    Raises:
        InputError: the path has a character that separates arguments.
    """
    path = str(subject.directory.resolve())
    if "," in path or "=" in path:
        raise InputError(f"{path}: lmms-eval takes no path with ',' or '='; choose another --out")
    if settings.backend == Backend.VLLM:
        # The processor's limits are the checkpoint's own there; a process of its own drives each GPU's share.
        return {"model": path, "tensor_parallel_size": str(max(1, settings.processes))}
    arguments = {"pretrained": path} | {name: str(value) for name, value in limits.items()}
    # Several processes place the model themselves; one gets it spread over all that is visible.
    place = {0: {"device": "cpu", "device_map": "cpu"}, 1: {"device_map": "auto"}}
    return arguments | place.get(settings.processes, {})


def command(
    python: str, subject: Subject, settings: HarnessSettings, tasks: Sequence[str], limits: Mapping[str, int],
    include: Path, out: Path,
) -> list[str]:  # fmt: skip
    """Return lmms-eval's command line; with several processes, accelerate starts it.

    Raises:
        InputError: the checkpoint's path cannot be passed on.
    """
    given = model_arguments(subject, settings, limits)
    generation = GENERATION | ({"max_new_tokens": str(settings.max_new_tokens)} if settings.max_new_tokens else {})
    words = [python, "-m"]
    if settings.backend == Backend.TRANSFORMERS and settings.processes > 1:
        launch = ["--config_file", str(RECIPES / "accelerate" / "ddp.yaml"), "--num_processes", str(settings.processes)]
        words += ["accelerate.commands.launch", *launch, "-m"]
    return [
        *words, "pgt_lora.studies.benchmarks.entry",
        "--model", str(subject.family.lmms_eval) if settings.backend == Backend.TRANSFORMERS else "vllm",
        "--model_args", ",".join(f"{name}={value}" for name, value in given.items()),
        "--tasks", ",".join(tasks),
        "--include_path", str(include),
        "--gen_kwargs", ",".join(f"{name}={value}" for name, value in generation.items()),
        "--batch_size", str(settings.batch_size),
        *(["--limit", str(settings.limit)] if settings.limit is not None else []),
        "--log_samples",
        "--output_path", str(out),
        "--verbosity", "WARNING",
    ]  # fmt: skip


def check(settings: HarnessSettings, family: Family) -> None:
    """Check what can be known before anything is downloaded.

    Raises:
        InputError: the settings cannot be used.
    """
    check_numbers(settings)
    if settings.backend not in list(Backend):
        raise InputError(f"--backend {settings.backend!r}: known: {choices(Backend)}")
    if family.lmms_eval is None and settings.backend == Backend.TRANSFORMERS:
        raise InputError(f"lmms-eval does not know {family.name}; --backend vllm takes any model that vLLM serves")
    if settings.backend == Backend.TRANSFORMERS and settings.batch_size > 1 and family.lmms_eval in ONE_AT_A_TIME:
        raise InputError(
            f"--batch-size {settings.batch_size}: lmms-eval's wrapper of {family.name} answers one question at a "
            "time; leave it out, or use --backend vllm"
        )


def check_numbers(settings: HarnessSettings) -> None:
    """Check what counts whoever answers.

    Raises:
        InputError: the settings cannot be used.
    """
    if settings.limit is not None and settings.limit < 1:
        raise InputError(f"--limit {settings.limit}: give one or more items, or leave it out")
    for option, value in (("--batch-size", settings.batch_size), ("--max-new-tokens", settings.max_new_tokens)):
        if value is not None and value < 1:
            raise InputError(f"{option} {value}: give one or more")
    if settings.hub_copies is not None and not settings.hub_copies.is_dir():
        raise InputError(f"--hub-copies {settings.hub_copies}: no such directory")


def write_tasks(directory: Path, sets: Mapping[str, Path]) -> Path:
    """Write the tasks that are plugged in: those of the package, and one for each dataset directory."""
    shutil.copytree(TASKS, directory, ignore=shutil.ignore_patterns("__pycache__"))
    for task, path in sets.items():
        lines = ("include: dataset_directory", f"task: {task}", f"dataset_path: {path.resolve()}")
        (directory / f"{task}.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return directory


def run(words: Sequence[str], out: Path, cwd: Path) -> None:
    """Run lmms-eval and see that it wrote its results; its own messages go to the terminal.

    It works in `cwd`, where a benchmark's Hub id that is a directory is taken instead of the Hub.

    Raises:
        InputError: it ended without results.
    """
    status = subprocess.run(words, cwd=cwd, check=False).returncode
    if status or not list(out.glob("*/*_results.json")):
        raise InputError(f"lmms-eval ended without results (status {status}); its messages are above")
