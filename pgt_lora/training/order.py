"""The order in which samples are seen."""

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler


class StepsByLength(Sampler[int]):
    """Samples in random order, another in every epoch and the same on every process, those of a step by length.

    A step's gradient is the same in whatever order its samples come, but batches of like lengths hold little padding.
    The longest come first, so that what does not fit into memory shows at once. Every step takes as many samples as
    every other: the last ones of an epoch's order that make no whole step are left out, others in every epoch. With
    several processes, their batches would be filled up with samples seen before.
    """

    def __init__(self, lengths: Sequence[int], step_size: int, seed: int) -> None:
        self.lengths, self.step_size, self.seed = lengths, step_size, seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.lengths) // self.step_size * self.step_size

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        order = torch.randperm(len(self.lengths), generator=generator)[: len(self)]
        for step in order.split(self.step_size):
            yield from sorted(step.tolist(), key=self.lengths.__getitem__, reverse=True)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order; the Trainer calls this."""
        self.epoch = epoch
