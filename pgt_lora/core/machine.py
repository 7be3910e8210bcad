"""What this machine computes on."""

import ctypes
import gc
import os
import platform
from pathlib import Path


def hardware(use_cpu: bool) -> str:
    """Return the number and name of this machine's GPUs, or of its processor's cores where it has or uses none."""
    import torch

    if torch.cuda.is_available() and not use_cpu:
        return f"{torch.cuda.device_count()} × {torch.cuda.get_device_name()}"
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    name = names[0].partition(":")[2].strip() if names else platform.processor() or platform.machine()
    return f"{os.cpu_count()} × {name}"


def emulates_bf16() -> bool:
    """Tell whether the GPU here is older than bf16: torch then computes in it all the same, many times as slowly."""
    import torch

    return torch.cuda.is_available() and not torch.cuda.is_bf16_supported(including_emulation=False)


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
