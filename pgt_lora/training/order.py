"""The order of training samples: those of a step by length, in another order in every epoch."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import Sampler
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class StepsByLength(Sampler[int]):
    """Samples in random order, another in every epoch and the same on every process, those of a step by length.

    A step's gradient is the same in whatever order its samples come, but batches of like lengths hold little padding.
    The longest of a step come first, so that what does not fit into memory shows at its start. All steps take the same
    number of samples: each epoch drops those at the end of its order that do not fill a step, different ones each time.
    With several processes, such a step would be filled up with samples seen before.
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
        """Choose the order."""
        self.epoch = epoch


class OrderOfEpoch(TrainerCallback):
    """Tells a sampler its epoch; in several processes that go on within an epoch, accelerate does not reach it."""

    def __init__(self, sampler: StepsByLength) -> None:
        self.sampler = sampler

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Set the epoch of the next step."""
        steps = len(self.sampler) // self.sampler.step_size
        self.sampler.set_epoch(state.global_step // max(1, steps))
