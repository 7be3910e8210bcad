"""Verification of a merged model in this process, by the same command as in a fresh one."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from pgt_lora.cli import app as cli
from pgt_lora.export import merge as merge_module


def run_here(command: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
    """Run `python -m pgt_lora …` in this process."""
    python, flag, module, *words = command
    assert (python, flag, module, words[0]) == (sys.executable, "-m", "pgt_lora", "verify")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(sys, "argv", ["pgt-lora", *words])
        cli.main()
    return subprocess.CompletedProcess(command, int(ended.value.code or 0))


@contextmanager
def verified_here() -> Iterator[None]:
    """Let a merge start no process for its verification: everything else is as always."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merge_module, "subprocess", SimpleNamespace(run=run_here))
        yield
