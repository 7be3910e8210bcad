"""What names mean, for tests that begin below the command line."""

from pathlib import Path

from pgt_lora.models.checkpoint import Checkpoint
from pgt_lora.models.names import resolve


def checkpoint(name: str | Path) -> Checkpoint:
    """The checkpoint that a directory, a run or a recipe means."""
    return resolve(str(name), to_train=False).checkpoint
