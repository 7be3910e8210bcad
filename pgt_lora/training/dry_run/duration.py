"""How long training would take on a card: its data sheet's rate, and the share of one that was measured."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import mean

from pgt_lora.core.batches import num_steps
from pgt_lora.core.errors import InputError
from pgt_lora.training.dry_run.cards import Card
from pgt_lora.training.dry_run.check import Findings
from pgt_lora.training.dry_run.fitting import Fit, as_asked, fit
from pgt_lora.training.dry_run.memory import GIB, Dimensions
from pgt_lora.training.dry_run.pace import RECOMPUTED, measured_on, share_reached

TOWER = 0.05  # share that its vision tower reached there: 28 ms for an image of 448 pixels


@dataclass(frozen=True)
class Duration:
    """An estimate, in seconds: the training loop, and the image features, once or in every epoch."""

    fit: Fit
    loop: float
    features: float
    share: float
    measured_on: str


def operations(model: Dimensions, tokens: float, length: float, supervised: float) -> float:
    """Return the operations that training on so many tokens needs in the language model, however it is done.

    The layers go forward and send the gradient of their inputs back (2 and 2 a weight and token): frozen weights have
    none of their own. Attention takes 4 a head's width for every pair of tokens in a sample of `length`, of which a
    causal mask leaves half, once forward and twice as much back. The head scores the supervised positions, forward and
    back. LoRA's own products are under 1% and left out.
    """
    layers = 4 * model.num_in_layers * tokens
    attention = 6 * model.num_layers * model.attention * tokens * length
    return layers + attention + 4 * model.vocabulary * model.hidden * supervised


def durations(found: Findings, name: str, card: Card) -> list[Duration]:
    """Estimate training on one card: with the recipe's batch, and in the fastest way that fits where that is another.

    Returns nothing where not one sample fits.

    Raises:
        InputError: the recipe computes on the processor.
    """
    if found.recipe.sft.use_cpu:
        raise InputError(f"{found.recipe.name}: runs on the CPU (use_cpu), so --gpu {name} does not apply")
    own = as_asked(found, name)
    fastest = fit(found, card.memory_gib, name) or fit(found, card.memory_gib, name, four_bit=True)
    ways = [own] if own.memory.fits(card.memory_gib) else []
    if fastest and (not ways or fastest.cost < own.cost):
        ways.append(fastest)
    return [duration(found, name, card, way) for way in ways]


def duration(found: Findings, name: str, card: Card, way: Fit) -> Duration:
    """Estimate training on one card with so many samples at a time."""
    recipe = found.recipe
    length, supervised = (mean(getattr(each, kind) for each in found.lengths) for kind in ("total", "supervised"))
    samples = num_steps(recipe, found.num_rows) * recipe.kit.global_batch_size
    share = share_reached(name, way.size * length)
    needed = operations(found.model, samples * length, length, samples * supervised)
    loop = needed * (RECOMPUTED if way.checkpointing else 1) / (card.rate * share)
    images = found.num_rows if is_cached(found) else samples
    features = images * tower_operations(found) / (card.rate * TOWER)
    return Duration(way, loop, features, share, measured_on(name))


def is_cached(found: Findings) -> bool:
    """Tell whether every image's features are computed once, as they are kept where the recipe allows so much disk."""
    tokens = found.num_rows * mean(length.image for length in found.lengths)
    size_gb = tokens * found.model.hidden * found.setup.dtype_bytes / 1e9
    kit = found.recipe.kit
    return found.base.encoder.family.features_suffice and not kit.streaming and size_gb <= kit.feature_cache_gb


def tower_operations(found: Findings) -> float:
    """Return the operations of the vision tower for a sample's images: 2 a weight and position, forward alone."""
    largest = max(length.image for length in found.lengths) or 1
    positions = found.batch.vision_positions * mean(length.image for length in found.lengths) / largest
    return 2 * found.model.num_vision * positions


def card_lines(found: Findings, name: str, card: Card) -> Iterator[str]:
    """Say how long training would take on a named card, by what was measured, and on what."""
    yield f"\nOne {card.device}, {card.memory_gib:g} GiB, {card.rate / 1e12:g} TFLOP/s by its data sheet: AN ESTIMATE"
    ways = durations(found, name, card)
    if not ways:
        yield "  not one sample fits beside the weights"
        return
    yield from (f"  {spelled(way)}" for way in ways)
    yield (
        f"  by the share of the sheet's rate that Qwen2.5-VL-3B reached in bf16 on one {ways[0].measured_on.upper()} "
        "with as many tokens at a time, in proportion to the rates (docs/performance.md); loading, scoring and merging "
        "are not in it"
    )


def spelled(way: Duration) -> str:
    """Spell the time of one way to train."""
    how = ", gradient checkpointing" * way.fit.checkpointing + ", 4 bits" * way.fit.four_bit
    return (
        f"{way.fit.size} at a time{how} ({way.fit.memory.total / GIB:.1f} GiB): {way.loop / 60:,.1f} min in "
        f"the loop at {way.share:.0%} of the rate, {way.features / 60:,.1f} min for the images' features"
    )
