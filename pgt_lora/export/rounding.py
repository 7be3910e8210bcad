"""What rounding leaves open: how far a model's logits move where its sums are rounded once more, measured on itself.

Every operation of a network rounds, and later layers amplify it: in bfloat16, two computations of one model differ by
0.6% of the largest logit or by 17%, depending on its depth and weights. So it is measured instead of assumed.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import BatchFeature

from pgt_lora.models.encoding import IGNORE, Encoder

# The least that is granted of a logit, relative to the largest: another kernel does its sums in another order.
LEAST = {torch.float32: 1e-4, torch.bfloat16: 3e-2, torch.float16: 4e-3}
FACTOR = 3  # what is granted of what was measured, on fewer rows than are compared
ROWS = 4  # rows on which it is measured: a forward of LLaVA-NeXT takes seconds a row on a CPU


@dataclass(frozen=True)
class Rounding:
    """How far one more rounding moves the logits, and the margins of the likeliest token over the second.

    Both are the largest, relative to the largest logit and in units of the type's ε, so they hold for other types.
    """

    logits: float
    margins: float

    def of_logit(self, dtype: torch.dtype) -> float:
        """Return how far a logit may be off, relative to the largest, where both models are computed in `dtype`."""
        return max(LEAST[dtype], FACTOR * self.logits * torch.finfo(dtype).eps)

    def of_margin(self, dtype: torch.dtype) -> float:
        """Return by how much two models' preferences for different tokens may sum up, relative to the largest logit."""
        return max(2 * LEAST[dtype], FACTOR * self.margins * torch.finfo(dtype).eps)


def rounding(model: Any, encoder: Encoder, rows: Sequence[Mapping[str, Any]]) -> Rounding:
    """Measure a model's rounding on the first `ROWS` of some rows."""
    logits, _ = supervised(model, encoder, rows[:ROWS])
    with nudged(model):
        moved = supervised(model, encoder, rows[:ROWS])[0] - logits
    margins = moved.gather(1, logits.topk(2).indices).diff()
    unit = torch.finfo(model.dtype).eps * float(logits.abs().max())
    return Rounding(_in_units(moved, unit), _in_units(margins, unit))


def _in_units(moved: torch.Tensor, unit: float) -> float:
    units = float(moved.abs().max()) / unit if unit else math.nan
    return units if math.isfinite(units) else 0.0  # NaN or infinity excuses nothing


@contextmanager
def nudged(model: Any) -> Iterator[None]:
    """Round the output of every linear layer once more: each value goes up by one unit, down by one, or stays.

    The head is left out: its output is large, and nothing comes after it that could amplify a unit.
    """

    def nudge(module: nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
        steps = torch.randint(-1, 2, output.shape, dtype=output.dtype, device=output.device)
        return output * steps.mul_(torch.finfo(output.dtype).eps).add_(1)  # 1 ± ε is exact

    head = model.get_output_embeddings()
    linear = [module for module in model.modules() if isinstance(module, nn.Linear) and module is not head]
    hooks = [module.register_forward_hook(nudge) for module in linear]
    try:
        with torch.random.fork_rng(range(torch.cuda.device_count())):
            torch.manual_seed(0)
            yield
    finally:
        for hook in hooks:
            hook.remove()


def supervised(model: Any, encoder: Encoder, rows: Sequence[Mapping[str, Any]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a model's logits at the supervised positions, shape (positions, vocabulary), and the tokens there."""
    batch = BatchFeature(encoder.training_batch(rows)).to(model.device)
    labels = batch.pop("labels")[:, 1:]
    batch = batch.to(model.dtype)  # casts pixels, not ids
    model.eval()
    with torch.inference_mode():
        logits = model(**batch).logits[:, :-1][labels != IGNORE].float().cpu()
    return logits, labels[labels != IGNORE].cpu()
