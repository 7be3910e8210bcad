"""Work that is shared out to processes of this machine, with results in their order."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import parent_process
from multiprocessing.connection import wait
from threading import Thread
from typing import TypeVar

from pgt_lora.core.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")


def check_number(num_proc: int) -> None:
    """Raise `InputError` where a number of processes is none."""
    if num_proc < 1:
        raise InputError(f"num_proc {num_proc}: at least one is needed")


def in_order(
    make: Callable[[Item], Result], items: Sequence[Item], num_proc: int, at_once: int = 32
) -> Iterator[Result]:
    """Yield `make(item)` for every item, in their order, whatever the number of processes.

    A process is given `at_once` items at a time, which should not take it long.
    """
    if num_proc == 1:
        yield from map(make, items)
        return
    with ProcessPoolExecutor(min(num_proc, os.cpu_count() or 1), initializer=_end_with_parent) as pool:
        yield from pool.map(make, items, chunksize=at_once)


def _end_with_parent() -> None:
    """End this worker when its parent is gone, which a killed parent cannot ask for: it would wait for work forever."""
    parent = parent_process()
    if parent is not None:
        Thread(target=lambda: (wait([parent.sentinel]), os._exit(1)), daemon=True).start()
