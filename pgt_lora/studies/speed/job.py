"""What a job needs, however it is done: its operations; and what a machine can do."""

import time
from dataclasses import dataclass

import torch

from pgt_lora.studies.speed.measure import Measured
from pgt_lora.training.dry_run.memory import Dimensions


@dataclass(frozen=True)
class Job:
    """What the operations of a job follow from; `vision_flops` are those of the tower and projector for one image."""

    model: Dimensions
    vision_flops: float
    num_images: int

    def flops(self, run: Measured) -> float:
        """Return the operations that a run's job needs, however it is done.

        The vision tower sees every image once, forward. The language model's layers go forward and send the gradient
        of their inputs back (2 and 2 a weight and token): frozen weights have none of their own. Attention takes 4 a
        head's width for every pair of tokens, of which a causal mask leaves half, once forward and twice as much back.
        The head scores the supervised positions, forward and back. LoRA's own products are under 1% and left out.
        """
        model, length = self.model, run.tokens / run.images
        layers = 4 * model.num_in_layers * run.tokens
        attention = 6 * model.num_layers * model.attention * run.tokens * length
        head = 4 * model.vocabulary * model.hidden * run.supervised
        return layers + attention + head + self.vision_flops * self.num_images


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
