"""A function over many items, on a CPU by several threads at a time."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

MOST = 4  # at a time: each holds what it works on in memory

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(function: Callable[[Item], Result], items: Iterable[Item], device: torch.device) -> Iterator[Result]:
    """Yield what a function makes of every item, in their order; the items are drawn by the calling thread.

    On a CPU, threads that each take a whole item use the cores better than one whose small operations are shared out
    among them. Elsewhere nothing is done at a time.
    """
    cores = torch.get_num_threads()
    number = min(cores, MOST)
    if device.type != "cpu" or number == 1:
        yield from map(function, items)
        return
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(number, initializer=torch.set_num_threads, initargs=(cores // number,)) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > number:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()
            torch.set_num_threads(cores)  # for all that starts from here on
