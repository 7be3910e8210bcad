"""Muon for many small matrices: those of one shape are orthogonalized together.

`torch.optim.Muon` starts some twenty kernels for each matrix, which on a GPU takes longer than the arithmetic.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch

MOMENTUM = 0.95
NS_STEPS = 5
NS_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of Keller Jordan's Muon, as in torch.optim.Muon
MIN_NORM = 1e-7


class Muon(torch.optim.Optimizer):
    """Momentum whose steps are orthogonal matrices, as long as AdamW's would be; weights decay as in AdamW."""

    def __init__(self, matrices: Iterable[torch.nn.Parameter], lr: float, weight_decay: float):
        super().__init__(list(matrices), {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Change every matrix that has a gradient; there is no closure."""
        for group in self.param_groups:
            matrices = [each for each in group["params"] if each.grad is not None]
            for each in matrices:
                if not self.state[each]:
                    self.state[each]["momentum"] = torch.zeros_like(each)
            gradients = [each.grad for each in matrices]
            momenta = [self.state[each]["momentum"] for each in matrices]
            torch._foreach_lerp_(momenta, gradients, 1 - MOMENTUM)
            updates = torch._foreach_lerp(gradients, momenta, MOMENTUM)
            torch._foreach_mul_(matrices, 1 - group["lr"] * group["weight_decay"])
            for shape, members in _by_shape(matrices).items():
                steps = orthogonal(torch.stack([updates[i] for i in members]))
                length = group["lr"] * 0.2 * max(shape) ** 0.5
                torch._foreach_add_([matrices[i] for i in members], list(steps.unbind()), alpha=-length)


def _by_shape(matrices: list[torch.Tensor]) -> dict[torch.Size, list[int]]:
    found: dict[torch.Size, list[int]] = defaultdict(list)
    for index, each in enumerate(matrices):
        found[each.shape].append(index)
    return found


def orthogonal(matrices: torch.Tensor) -> torch.Tensor:
    """Return the nearest matrices with singular values around one, by Newton and Schulz; (number, rows, columns)."""
    a, b, c = NS_COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / x.flatten(1).norm(dim=1).clamp(min=MIN_NORM)[:, None, None]
    for _ in range(NS_STEPS):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x
