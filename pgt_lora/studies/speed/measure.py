"""What a run did and took, measured in the same way for every contender, in whatever environment it is installed.

Batches are counted, and waiting for them timed, where the Trainer of Transformers, on which all contenders stand, takes
them from its data loader. This module imports nothing of the kit's that another environment may lack.
"""

import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate.data_loader import DataLoaderShard
from transformers import Trainer, TrainerCallback


@dataclass
class Measured:
    """What a run did and took; seconds are from before the model is loaded to after the adapter is saved."""

    seconds: float = 0.0
    training: float = 0.0  # seconds, of the Trainer's own loop
    waiting: float = 0.0  # seconds, of them, for batches
    images: int = 0
    tokens: int = 0  # without padding
    padded: int = 0  # with it
    supervised: int = 0
    peak_bytes: int = 0
    loss: float = 0.0


def measure(train: Callable[[Path, Path], None], data: Path, use_gpu: bool) -> Measured:
    """Run `train(data, out)` on a copy of the data, with no cache of earlier runs, and return what it did and took."""
    found = Measured()
    with tempfile.TemporaryDirectory() as directory, instrumented(found):
        # A copy has no cache beside it: making it is part of what is timed.
        copy = shutil.copytree(data, Path(directory) / "data")
        began = time.perf_counter()
        train(copy, Path(directory) / "run")
        found.seconds = time.perf_counter() - began
    found.peak_bytes = peak_bytes(use_gpu)
    return found


def peak_bytes(on_gpu: bool) -> int:
    """Return the allocator's peak on a GPU, the process's on a CPU."""
    if on_gpu:
        return torch.cuda.max_memory_allocated()
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@contextmanager
def instrumented(found: Measured, *callbacks: TrainerCallback) -> Iterator[None]:
    """Count and time what the Trainer takes from its data loader, and time its loop; have it call `callbacks`, too."""
    iterate, train = DataLoaderShard.__iter__, Trainer.train

    def counted(self: Any) -> Iterator[Any]:
        batches = iterate(self)
        while True:
            began = time.perf_counter()
            try:
                batch = next(batches)
            except StopIteration:
                return
            found.waiting += time.perf_counter() - began
            found.images += len(batch["input_ids"])
            found.padded += batch["input_ids"].numel()
            found.tokens += int(batch["attention_mask"].sum())
            found.supervised += int((batch["labels"] >= 0).sum())
            yield batch

    def timed(self: Any, *words: Any, **named: Any) -> Any:
        for callback in callbacks:
            self.add_callback(callback)
        began = time.perf_counter()
        output = train(self, *words, **named)
        found.training = time.perf_counter() - began
        found.loss = output.training_loss
        return output

    DataLoaderShard.__iter__, Trainer.train = counted, timed  # type: ignore[method-assign]
    try:
        yield
    finally:
        DataLoaderShard.__iter__, Trainer.train = iterate, train  # type: ignore[method-assign]
