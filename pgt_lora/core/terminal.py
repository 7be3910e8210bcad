"""What the terminal shows: progress bars, tables, and no messages that concern the libraries alone."""

import io
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

# What users name (paths, tasks, datasets) is shown as it is: [red] in a path is no color, and :cat: no picture.
console = Console(markup=False, emoji=False)

TELLER = "pgt-lora-telling"  # the thread
TELL_EVERY_S = 30  # where there is no terminal to show a bar

Item = TypeVar("Item")


def track(items: Iterable[Item], total: int | None, description: str) -> Iterator[Item]:
    """Yield the items under a progress bar, with the time spent and the time left.

    Where the output is no terminal, a line says so every half minute, and the bar is printed at the end.
    """
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        tracked = progress.track(items, total=total, description=description)
        yield from tracked if console.is_terminal else told(tracked, total, description)


def told(items: Iterable[Item], total: int | None, description: str) -> Iterator[Item]:
    """Yield the items, and print a line every half minute: how many are done, and how long the others will take."""
    began, done = time.monotonic(), 0

    def line() -> str:
        of = f" of {total:,}, {left(time.monotonic() - began, done, total)}" if total else " so far"
        return f"{description}: {done:,}{of}"

    with telling(line):
        for item in items:
            yield item
            done += 1


@contextmanager
def telling(line: Callable[[], str | None]) -> Iterator[None]:
    """Print what `line` returns, if anything, every half minute while the block lasts, however long one thing takes.

    Nothing is printed where there is a terminal, which has bars.
    """
    ended = Event()

    def tell() -> None:
        while not ended.wait(TELL_EVERY_S):
            if text := line():
                console.print(text, soft_wrap=True)

    if not console.is_terminal:
        Thread(target=tell, name=TELLER, daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def left(spent_s: float, done: int, total: int) -> str:
    """Return in words how long what is left will take, at the speed so far."""
    if not done:
        return "time left unknown"
    minutes, seconds = divmod(round(spent_s / done * (total - done)), 60)
    return f"{minutes} min {seconds:02} s left" if minutes else f"{seconds} s left"


def bold(text: str, style: str = "bold") -> Text:
    """Return text that stands out."""
    return Text(text, style=style)


def print_anything() -> None:
    """Show what the terminal's encoding lacks as question marks, where it would otherwise be an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def tell_downloads() -> None:
    """Have downloads from the Hub print a line every half minute where, without a terminal, they would say nothing.

    It holds for what is imported afterwards, and for processes that are started.
    """
    if not console.is_terminal:
        os.environ.setdefault("TQDM_POSITION", "-1")  # by which huggingface_hub is told to show its bars all the same
        os.environ.setdefault("TQDM_MININTERVAL", str(TELL_EVERY_S))


def hide_noise() -> None:
    """Hide messages that a user can do nothing about, as they are between the libraries, and no others."""
    # TRL uses names that Transformers has renamed.
    for name in ("gradient_checkpointing", "gradient_checkpointing_kwargs", "is_gradient_checkpointing"):
        warnings.filterwarnings("ignore", message=f"`{name}` is deprecated", category=FutureWarning)
    # PEFT imports bitsandbytes, which without a GPU asks for a package that only 4-bit inference would use.
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
    # Checkpoints that were written within a second are sorted by their steps instead of their times. And the model that
    # is trained takes over the tokenizer's special tokens; answers end at the tokenizer's anyway.
    for words in ("mtime", "new PAD/BOS/EOS tokens"):
        logging.getLogger("transformers.trainer_utils").addFilter(partial(_lacks, words))


def _lacks(words: str, record: logging.LogRecord) -> bool:
    return words not in str(record.msg)
