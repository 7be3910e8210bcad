"""Verification of a merged model in this process, as in a fresh one."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from pgt_lora.export import merge as merge_module
from pgt_lora.export.verify import verify_and_report
from pgt_lora.models.checkpoint import adapter_checkpoint


def run_here(command: Sequence[str]) -> int:
    """Run `python -m pgt_lora.export MERGED ADAPTER [DTYPE]` in this process."""
    python, flag, module, merged, adapter, *dtype = command
    assert (python, flag, module) == (sys.executable, "-m", "pgt_lora.export")
    passed = verify_and_report(Path(merged), adapter_checkpoint(Path(adapter)), *dtype)
    return int(not passed)


@contextmanager
def verified_here() -> Iterator[None]:
    """Let a merge start no process for its verification: everything else is as always."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merge_module, "status_of", run_here)
        yield
