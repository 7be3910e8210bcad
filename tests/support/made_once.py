"""What takes long to make, made once for all workers of a test run; it is not to be changed."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return the directory that `make` fills, the first time that any worker asks for it."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # a worker's own lies in the run's
    directory = shared / name
    with FileLock(shared / f"{name}.lock"):
        if not (shared / f"{name}.made").exists():
            directory.mkdir()
            make(directory)
            (shared / f"{name}.made").touch()
    return directory
