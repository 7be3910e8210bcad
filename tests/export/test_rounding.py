"""The check of a merged matrix against float64: what is rounded once always passes, what is off by more never does."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from pgt_lora.export.adapter import TYPES, Update
from pgt_lora.export.verify_weights import error_of_rounding

Fault = Callable[[torch.Tensor, Update, torch.Generator], torch.Tensor]


def draw(seed: int) -> tuple[torch.Tensor, Update, torch.Generator]:
    """A random matrix of a random type with a random update; magnitudes go from subnormal numbers up to hundreds."""
    chance = torch.Generator().manual_seed(seed)

    def one(low: int, high: int) -> int:
        return int(torch.randint(low, high, (), generator=chance))

    dtype = TYPES[one(0, 3)]
    rows, columns, r = one(1, 40), one(1, 40), (1, 2, 3, 8, 17, 64)[one(0, 6)]
    smallest = {torch.float16: -26, torch.bfloat16: -136, torch.float32: -150}[dtype]
    middle = (one(smallest, 8), one(-12, 1))[one(0, 2)]  # half of them as weights are
    spread = torch.randint(-8, 3, (rows, columns), generator=chance)
    old = torch.randn(rows, columns, generator=chance).double() * 2.0 ** (middle + spread)
    old[torch.rand(rows, columns, generator=chance) < 0.05] = 0
    # An update that is larger than the weights, as large, smaller, or lost in rounding.
    factor = 2.0 ** ((middle + one(-14, 4)) / 2)
    a, b = (factor * torch.randn(*shape, generator=chance).double() for shape in ((r, columns), (rows, r)))
    scale = (1.0, 2.0, 16 / r, 16 / r**0.5, 0.37)[one(0, 5)]
    return old.to(dtype), Update(a.float(), b.float(), scale), chance


def exceeds(old: torch.Tensor, update: Update, new: torch.Tensor) -> bool:
    """Tell by another route, in float64, whether an element is off by more than half a unit and the fp32 bound."""
    everything = slice(None)
    exact, bound = update.exact(old, everything), update.bound(old, everything)
    kind = torch.finfo(old.dtype)
    unit = kind.eps * torch.exp2(torch.floor(torch.log2((exact.abs() + bound).clamp(min=kind.smallest_normal))))
    return bool(((new.double() - exact).abs() > unit / 2 + bound + 2.0**-24 * exact.abs()).any())


def scaled(old: torch.Tensor, update: Update, chance: torch.Generator) -> torch.Tensor:
    return replace(update, scale=update.scale / 2).added_to(old)


def unmerged(old: torch.Tensor, update: Update, chance: torch.Generator) -> torch.Tensor:
    return old.clone()


def wrong_alpha(old: torch.Tensor, update: Update, chance: torch.Generator) -> torch.Tensor:
    return replace(update, scale=update.scale * 1.25).added_to(old)


def swapped(old: torch.Tensor, update: Update, chance: torch.Generator) -> torch.Tensor:
    return update.added_to(old).flip(0)


def two_units(old: torch.Tensor, update: Update, chance: torch.Generator) -> torch.Tensor:
    new = update.added_to(old)
    bits = new.view(torch.int16 if new.itemsize == 2 else torch.int32)
    bits.view(-1)[int(torch.randint(new.numel(), (), generator=chance))] += 2
    return new


def rounded_twice(old: torch.Tensor, update: Update, chance: torch.Generator) -> torch.Tensor:
    return old + (update.b @ update.a * update.scale).to(old.dtype)


def not_a_number(old: torch.Tensor, update: Update, chance: torch.Generator) -> torch.Tensor:
    new = update.added_to(old)
    new.view(-1)[-1] = torch.nan
    return new


FAULTS: tuple[Fault, ...] = (scaled, unmerged, wrong_alpha, swapped, two_units, rounded_twice)


def try_out(seeds: range) -> dict[str, int]:
    """Try matrices; return how many times each fault was one by the other route, and hence had to be seen."""
    seen = dict.fromkeys((fault.__name__ for fault in FAULTS), 0)
    for seed in seeds:
        old, update, chance = draw(seed)
        once = update.added_to(old)
        if not once.isfinite().all():
            continue
        assert error_of_rounding(old, update, once) is not None, seed
        backwards = (old.float() + (update.b.flip(1) @ update.a.flip(0)) * update.scale).to(old.dtype)
        assert error_of_rounding(old, update, backwards) is not None, f"{seed}: in another order"
        in_float64 = update.exact(old, slice(None)).to(old.dtype)
        assert error_of_rounding(old, update, in_float64) is not None, f"{seed}: in float64"
        assert error_of_rounding(old, update, not_a_number(old, update, chance)) is None, seed
        for fault in FAULTS:
            new = fault(old, update, chance)
            if exceeds(old, update, new):
                assert error_of_rounding(old, update, new) is None, f"{seed}: {fault.__name__}"
                seen[fault.__name__] += 1
    return seen


def test_hundreds_of_matrices() -> None:
    seen = try_out(range(400))
    assert min(seen.values()) > 40, seen


@pytest.mark.slow
def test_thousands_of_matrices() -> None:
    seen = try_out(range(400, 8400))
    assert min(seen.values()) > 800, seen


@pytest.mark.parametrize("dtype", TYPES)
def test_a_large_matrix_of_every_type_with_values_down_to_zero(dtype: torch.dtype) -> None:
    chance = torch.Generator().manual_seed(1)
    old = (torch.randn(1024, 1024, generator=chance) * 10 ** -torch.linspace(1, 9, 1024)).to(dtype)
    update = Update(1e-3 * torch.randn(8, 1024, generator=chance), 1e-2 * torch.randn(1024, 8, generator=chance), 2.0)
    new = update.added_to(old)
    assert error_of_rounding(old, update, new) is not None
    row, column = divmod(int(new.abs().argmax()), 1024)
    new[row, column] = new[row, column] * (1 + 3 * torch.finfo(dtype).eps)
    assert dtype == torch.float32 or error_of_rounding(old, update, new) is None
