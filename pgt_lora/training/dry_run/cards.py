"""Graphics cards by name: their memory, and the rate of their matrix units by the data sheets."""

import re
from dataclasses import dataclass

from pgt_lora.core.errors import InputError, choices


@dataclass(frozen=True)
class Card:
    """A card: how CUDA names it, its memory in GiB as CUDA reports it, and its operations a second.

    The rate is that of dense products of bfloat16 matrices, summed in fp32, by the data sheet: without sparsity.
    """

    device: str
    memory_gib: float
    rate: float


# The first whose device name fits is the card.
CARDS = {
    "b200": Card("B200", 178.4, 2250e12),
    "h200": Card("H200", 139.8, 989e12),
    "h100-nvl": Card("H100 NVL", 93.1, 835e12),
    "h100-pcie": Card("H100 PCIe", 79.2, 756e12),
    "h100": Card("H100", 79.2, 989e12),
    "a100-40gb": Card("A100-SXM4-40GB", 39.4, 312e12),
    "a100": Card("A100", 79.2, 312e12),
    "l40s": Card("L40S", 44.4, 362e12),
    "l4": Card("L4", 22.0, 121e12),
    "a6000": Card("RTX A6000", 47.4, 154.8e12),
    "5090": Card("RTX 5090", 31.4, 209.5e12),
    "4090": Card("RTX 4090", 23.5, 165.2e12),
    "3090": Card("RTX 3090", 23.6, 71e12),
}


def named_card(name: str) -> tuple[str, Card]:
    """Return a card by its name in the table, and that name.

    Raises:
        InputError: there is none of that name.
    """
    key = name.lower().removeprefix("rtx").strip(" -_")
    if key not in CARDS:
        raise InputError(f"--gpu {name}: unknown; known: {choices(CARDS)}")
    return key, CARDS[key]


def card_of(device: str) -> str | None:
    """Return the name in the table of the card that CUDA names so, None where it is not known here."""
    fitting = (name for name, card in CARDS.items() if re.search(rf"\b{re.escape(card.device)}\b", device))
    return next(fitting, None)
