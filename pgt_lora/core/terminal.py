"""What the terminal shows: progress bars, tables, and no messages that concern the libraries alone."""

import io
import logging
import sys
import warnings
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

# What users name (paths, tasks, datasets) is shown as it is: [red] in a path is no colour, and :cat: no picture.
console = Console(markup=False, emoji=False)

Item = TypeVar("Item")


def track(items: Iterable[Item], total: int | None, description: str) -> Iterator[Item]:
    """Yield the items under a progress bar, with the time spent and the time left."""
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        yield from progress.track(items, total=total, description=description)


def bold(text: str, style: str = "bold") -> Text:
    """Return text that stands out."""
    return Text(text, style=style)


def print_anything() -> None:
    """Show what the terminal's encoding lacks as question marks, where it would otherwise be an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def hide_noise() -> None:
    """Hide messages that a user can do nothing about, as they are between the libraries, and no others."""
    # TRL uses names that Transformers has renamed.
    for name in ("gradient_checkpointing", "gradient_checkpointing_kwargs", "is_gradient_checkpointing"):
        warnings.filterwarnings("ignore", message=f"`{name}` is deprecated", category=FutureWarning)
    # PEFT imports bitsandbytes, which without a GPU asks for a package that only 4-bit inference would use.
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
    # Checkpoints that were written within a second are sorted by their steps instead of their times.
    logging.getLogger("transformers.trainer_utils").addFilter(lambda record: "mtime" not in str(record.msg))
