"""Merging: W + (α/r)·BA in fp32, rounded once into the base's own type, and the base's other files beside it."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any

import torch

from pgt_lora.core.errors import InputError, choices
from pgt_lora.core.files import read_json, write_json
from pgt_lora.core.machine import free_gpu
from pgt_lora.core.new_directory import check_free, new_directory
from pgt_lora.core.typed import typed
from pgt_lora.export.adapter import TYPES, Update, updates_by_key
from pgt_lora.export.record import VERIFICATION, has_passed, verified_dtype
from pgt_lora.models.checkpoint import Checkpoint
from pgt_lora.models.weight_files import INDEX, MODEL, read_tensors, weight_files, write_tensors

CONFIG = "config.json"
DTYPES = ("bfloat16", "float16", "float32")
WEIGHTS = ("*.safetensors", "*.safetensors.index.json", "*.bin", "*.bin.index.json", "*.pth", "*.gguf")


def merge(checkpoint: Checkpoint, out: Path, overwrite: bool = False, dtype: str | None = None) -> None:
    """Merge an adapter into its base, and verify the result in a fresh process.

    With a `dtype` (`bfloat16`, `float16` or `float32`) the base is cast to it first; `config.json` differs from the
    base's in that one field then.

    Raises:
        InputError: there is no adapter, or one that cannot be verified, no such type, `out` exists, or the merged
            checkpoint is not what it should be; it is kept then, with the failed checks in its `verification.json`.
    """
    check_dtype(dtype)
    if checkpoint.adapter_dir is None:
        raise InputError(f"{checkpoint.base}: holds no LoRA adapter, so there is nothing to merge")
    check_free(out, overwrite)
    base_dir = local_directory(checkpoint.base, checkpoint.revision)
    updates = updates_by_key(base_dir, checkpoint.adapter_dir)
    with new_directory(out, overwrite) as directory:
        write_merged(base_dir, updates, directory, dtype)
        for path in companion_files(base_dir):
            shutil.copyfile(path, directory / path.name)
        if dtype:
            write_json(directory / CONFIG, config_with(base_dir, dtype))
    verify_in_fresh_process(out, checkpoint.adapter_dir, dtype)


def check_dtype(dtype: str | None) -> None:
    """Check that there is such a type of weights.

    Raises:
        InputError: there is none.
    """
    if dtype not in (None, *DTYPES):
        raise InputError(f"--dtype {dtype!r}: unknown; known: {choices(DTYPES)}")


def write_merged(base_dir: Path, updates: Mapping[str, Update], directory: Path, dtype: str | None = None) -> None:
    """Write every tensor of a base as safetensors, file by file, those that have an update with it.

    Raises:
        InputError: a sum is too large for its type.
    """
    files = weight_files(base_dir)
    names = [f"model-{n:05}-of-{len(files):05}.safetensors" for n in range(1, len(files) + 1)]
    names = names if len(files) > 1 else [MODEL]
    weight_map: dict[str, str] = {}
    total = 0
    for path, name in zip(files, names, strict=True):
        tensors = {}
        for key, old in read_tensors(path):
            # A copy, as a file of torch's may keep one tensor under two keys, which safetensors does not.
            tensor = old.to(type_of(old, dtype), copy=path.suffix == ".bin")
            if key in updates:
                tensor = updates[key].added_to(tensor)
                if not tensor.isfinite().all():
                    raise InputError(f"{base_dir}: {key} with its update is too large for {tensor.dtype}")
            tensors[key] = tensor.contiguous()
        write_tensors(directory / name, tensors)
        weight_map |= dict.fromkeys(tensors, name)
        total += sum(tensor.nbytes for tensor in tensors.values())
    if len(files) > 1:
        write_json(directory / INDEX, {"metadata": {"total_size": total}, "weight_map": weight_map})


def type_of(tensor: torch.Tensor, dtype: str | None) -> torch.dtype:
    """Return the type that a weight gets: the one that was asked for, if one was, unless it holds no weights."""
    return getattr(torch, dtype) if dtype and tensor.dtype in TYPES else tensor.dtype


def verify_in_fresh_process(merged: Path, adapter_dir: Path, dtype: str | None = None) -> None:
    """Verify a merged checkpoint in a process that shares nothing with the one that made it.

    Raises:
        InputError: a check failed, or the verification ended before it could tell.
    """
    record = merged / VERIFICATION
    for path in (record, *merged.glob(f".{VERIFICATION}.partial-*")):  # of an earlier verification, and of a killed one
        path.unlink(missing_ok=True)
    free_gpu()  # of what this process has trained and scored with
    words = ["pgt_lora.export", str(merged), str(adapter_dir), *([dtype] if dtype else [])]
    status = status_of([sys.executable, "-m", *words])
    if not record.is_file():
        raise InputError(
            f"{merged}: not verified: the verification ended with status {status} before it had a "
            f"result; the reason is above. Repeat it with: {typed_verify(merged, adapter_dir, dtype)}"
        )
    if not has_passed(merged):
        raise InputError(f"{merged}: the merged checkpoint failed its verification; see {record}")


def typed_verify(merged: Path, run: Path, dtype: str | None) -> str:
    """Return the command that verifies a merged checkpoint, as it can be typed."""
    return typed("verify", merged, "--run", run, *(["--dtype", dtype] if dtype else []))


def status_of(command: Sequence[str]) -> int:
    """Run a command to its end and return its status; it ends with this process, where that is asked to end before."""

    def end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    is_main = current_thread() is main_thread()
    before = signal.signal(signal.SIGTERM, end) if is_main else None
    try:
        with subprocess.Popen(command) as process:
            try:
                return process.wait()
            except BaseException:
                process.terminate()
                raise
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, before)


def local_directory(base: str, revision: str | None = None) -> Path:
    """Return the directory of a checkpoint, downloaded where `base` is a Hub id."""
    if Path(base).is_dir():
        return Path(base)
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(base, revision=revision))


def config_with(base_dir: Path, dtype: str) -> dict[str, Any]:
    """Return a base's configuration with another type of the weights, in the field that it has for it."""
    config: dict[str, Any] = read_json(base_dir / CONFIG)
    field = "torch_dtype" if "torch_dtype" in config else "dtype"  # the first is how Transformers 4 wrote it
    return config | {field: dtype}


def cast_to(merged: Path, checkpoint: Checkpoint) -> str | None:
    """Return the type that the base was cast to when it was merged: as was verified, or else as is configured.

    Raises:
        InputError: a configuration cannot be read.
    """
    if dtype := verified_dtype(merged):
        return dtype
    base_dir = local_directory(checkpoint.base, checkpoint.revision)
    base, new = (read_json(directory / CONFIG) for directory in (base_dir, merged))
    return next((dtype for dtype in DTYPES if new != base and new == config_with(base_dir, dtype)), None)


def companion_files(base_dir: Path) -> list[Path]:
    """Return a checkpoint's files that are no weights: configuration, processor, tokenizer, chat template, license."""
    files = (path for path in sorted(base_dir.iterdir()) if path.is_file() and not path.name.startswith("."))
    return [path for path in files if path.name != "README.md" and not any(path.match(kind) for kind in WEIGHTS)]
