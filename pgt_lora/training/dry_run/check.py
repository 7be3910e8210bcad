"""The dry run: what a recipe would train, on how much data, in how much memory; no weights and no GPU are needed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from typing import Any

import torch

from pgt_lora.core.batches import step_shape
from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.terminal import track
from pgt_lora.data.directory import open_dataset
from pgt_lora.data.generate import make_sample
from pgt_lora.data.pgt import pgt_settings
from pgt_lora.data.weights import parse_weights
from pgt_lora.models.lengths import Length, measure, token_limit, too_long
from pgt_lora.models.placement import Placement
from pgt_lora.training.dry_run.base import Base, build_on_meta, open_base
from pgt_lora.training.dry_run.memory import Batch, Dimensions, Setup

SAMPLED = 300  # PGT samples that stand for the whole where no data is given


@dataclass(frozen=True)
class Findings:
    """All that a check found; `given` is the data's name as it was typed, `problems` keep the recipe from running."""

    recipe: Recipe
    base: Base
    placement: Placement
    model: Dimensions
    data: Path | None
    given: str | None
    num_rows: int
    lengths: Sequence[Length]
    limit: int
    batch: Batch
    setup: Setup
    problems: Sequence[str]


def check(recipe: Recipe, data: Path | None = None, offline: bool = False, given: str | None = None) -> Findings:
    """Find out what a recipe would do; `given` is what the data was named by, its path by default.

    Raises:
        InputError: the recipe, the data or the base cannot be read, or the adapter does not fit the architecture.
    """
    base = open_base(recipe, offline)
    placement, model = build_on_meta(recipe, base)
    rows: Any = open_dataset(data) if data else pgt_rows(recipe)
    lengths = measure(base.encoder, _tracked(rows))
    num_rows = len(rows) if data else recipe.kit.num_samples
    limit = token_limit(base.config, recipe.sft.max_length)
    return Findings(
        recipe=recipe,
        base=base,
        placement=placement,
        model=model,
        data=data,
        given=given or (str(data) if data else None),
        num_rows=num_rows,
        lengths=lengths,
        limit=limit,
        batch=largest_rows(base, rows, lengths, recipe.sft.per_device_train_batch_size),
        setup=setup(recipe, placement.num_trainable),
        problems=[*too_long(lengths, limit), *uneven(recipe, num_rows), *missing_packages(recipe)],
    )


def pgt_rows(recipe: Recipe) -> list[dict[str, Any]]:
    """Make the first rows of the PGT data that the recipe would be trained on."""
    settings, weights = pgt_settings(recipe), parse_weights(recipe.kit.tasks)
    num = min(SAMPLED, recipe.kit.num_samples)
    made = (make_sample(i, seed=0, split="train", weights=weights, settings=settings) for i in range(num))
    return [sample.to_row() for sample, _ in made]


def _tracked(rows: Any) -> Iterable[Mapping[str, Any]]:
    if isinstance(rows, list):
        return rows
    found: Iterator[Mapping[str, Any]] = track(rows, len(rows), "Measuring")
    return found


def largest_rows(base: Base, rows: Sequence[Mapping[str, Any]], lengths: Sequence[Length], size: int) -> Batch:
    """Return a batch of rows as long as the longest, with images as large as the largest.

    Both rows are encoded in full, to see what their images become.
    """
    longest, largest = (
        max(range(len(lengths)), key=lambda index: of(lengths[index]))
        for of in (attrgetter("total"), attrgetter("image"))
    )
    total = lengths[longest].total
    tokens = base.encoder.training_batch([rows[longest]])["input_ids"].shape[1]
    assert tokens == total, f"{tokens} tokens, but {total} were expected"
    config = base.config.vision_config
    side = config.patch_size if isinstance(config.patch_size, int) else config.patch_size[0]
    values_per_patch = 3 * side**2 * getattr(config, "temporal_patch_size", 1)
    pixels = base.encoder.prompts([rows[largest]]).get("pixel_values", torch.empty(0))
    return Batch(
        size=size,
        tokens=total,
        supervised=max(length.supervised for length in lengths),
        vision_positions=pixels.numel() // values_per_patch,
    )


def setup(recipe: Recipe, num_trainable: int, num_shards: int = 1) -> Setup:
    """Return how the recipe holds and trains the model."""
    return Setup(
        num_trainable=num_trainable,
        dtype_bytes=4 if recipe.model.dtype == "float32" else 2,
        four_bit=recipe.model.load_in_4bit,
        nested=recipe.model.use_bnb_nested_quant,
        checkpointing=recipe.checkpointing,
        on_cpu=bool(recipe.sft.use_cpu),
        num_shards=num_shards,
    )


def uneven(recipe: Recipe, num_rows: int) -> Iterator[str]:
    """Say where one process cannot deal the global batch out, or the rows do not fill one."""
    try:
        if not recipe.batch_is_auto:
            step_shape(recipe, 1)
    except InputError as error:
        yield str(error)
    if num_rows < (whole := recipe.kit.global_batch_size):
        yield f"global_batch_size {whole} is more than the {num_rows:,} samples: take a smaller one"


def missing_packages(recipe: Recipe) -> Iterator[str]:
    """Name the packages that the recipe asks for and that are not installed here."""
    if recipe.model.load_in_4bit and not find_spec("bitsandbytes"):
        yield "load_in_4bit needs bitsandbytes: pip install bitsandbytes"
    attention: Any = recipe.model.attn_implementation or ""
    for name in sorted(set(attention.values() if isinstance(attention, Mapping) else (attention,))):
        if name.startswith("flash_attention") and not find_spec("flash_attn"):
            yield (
                f"attn_implementation {name} needs flash-attn: pip install flash-attn --no-build-isolation, or leave "
                "the line out (SDPA needs nothing)"
            )
