"""What a job needs, however it is done: its operations; and what a machine can do."""

import time
from dataclasses import dataclass

import torch

from pgt_lora.studies.speed.measure import Measured
from pgt_lora.training.dry_run.duration import operations
from pgt_lora.training.dry_run.memory import Dimensions


@dataclass(frozen=True)
class Job:
    """What the operations of a job follow from; `vision_flops` are those of the tower and projector for one image."""

    model: Dimensions
    vision_flops: float
    num_images: int

    def flops(self, run: Measured) -> float:
        """Return the operations that a run's job needs, however it is done.

        The vision tower sees every image once, forward; the language model's are those of `operations`.
        """
        length = run.tokens / run.images
        return operations(self.model, run.tokens, length, run.supervised) + self.vision_flops * self.num_images


def peak_flops(dtype: torch.dtype, on_gpu: bool) -> float:
    """Return the rate, in operations a second, of a large product of matrices on this machine."""
    side, device = (8192, "cuda") if on_gpu else (1024, "cpu")
    a = torch.randn(side, side, device=device, dtype=dtype)
    best = 0.0
    for _ in range(20):
        began = time.perf_counter()
        a @ a
        if on_gpu:
            torch.cuda.synchronize()
        best = max(best, 2 * side**3 / (time.perf_counter() - began))
    return best
