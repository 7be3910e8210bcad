"""What this machine computes on."""

import ctypes
import gc
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def hardware() -> str:
    """Return the number and name of this machine's GPUs, or of its processor's cores."""
    import torch

    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} × {torch.cuda.get_device_name()}"
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    name = names[0].partition(":")[2].strip() if names else platform.processor() or platform.machine()
    return f"{os.cpu_count()} × {name}"


def free_gpu() -> None:
    """Give back the GPU memory of models that are no longer used, which lie in cycles; torch keeps what was freed."""
    import torch

    gc.collect()
    torch.cuda.empty_cache()


# From malloc.h of glibc.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 2**30


def keep_freed_memory() -> None:
    """Let the C library keep what is freed for what is asked for next, instead of giving it back to the system.

    On a CPU every step frees and asks for the same megabytes, and the system clears each page anew. Only glibc can be
    told so (its manual, "Malloc Tunable Parameters").
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        libc.mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)


@contextmanager
def importing() -> Iterator[None]:
    """Keep Python's collector from what a process imports in the block, then and later, as it stays to the end.

    It would look through half a million objects eight times in vain while they come, and in every `gc.collect` after.
    Where torch is imported already, nothing changes: there may be models, and what lies in cycles is to be freed.
    """
    if "torch" in sys.modules:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
