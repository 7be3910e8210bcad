"""How fast a card trains with so many tokens at a time, by what was measured on two of them."""

import math
from collections.abc import Sequence
from itertools import pairwise

from pgt_lora.training.dry_run.cards import CARDS

Share = tuple[float, float]  # tokens in one pass, and the share of the sheet's rate that was reached with them

# Qwen2.5-VL-3B in bf16 as its recipe has it, 4, 16 and 64 samples at a time: the tables of docs/performance.md.
MEASURED: dict[str, Sequence[Share]] = {
    "h200": ((1332, 0.093), (5328, 0.257), (21312, 0.303)),
    "h100": ((1484, 0.065), (5936, 0.232)),
}
DEFAULT = "h200"  # stands for the cards on which nothing was measured
RECOMPUTED = 1.5  # gradient checkpointing makes the forward pass once more: six operations in the place of four


def measured_on(card: str) -> str:
    """Return the name of the card whose measurements stand for one."""
    return card if card in MEASURED else DEFAULT


def share_reached(card: str, tokens: float) -> float:
    """Return the share of a card's sheet rate that is reached with so many tokens in one pass.

    A card of half the rate is kept as busy by half the tokens: what a pass costs beside its products is the host's.
    """
    of = measured_on(card)
    return reached(MEASURED[of], tokens * CARDS[of].rate / CARDS[card].rate)


def reached(shares: Sequence[Share], tokens: float) -> float:
    """Return the share with so many tokens in one pass: between measurements on a scale of powers."""
    points = [(math.log(at), share) for at, share in shares]
    at = min(max(math.log(tokens), points[0][0]), points[-1][0])
    for (left, low), (right, high) in pairwise(points):
        if at <= right:
            return low + (high - low) * (at - left) / (right - left)
    return points[-1][1]


def cost(card: str, tokens: float, checkpointing: bool) -> float:
    """Return what a token costs with so many in one pass, beside one at the sheet's rate."""
    return (RECOMPUTED if checkpointing else 1.0) / share_reached(card, tokens)
