"""Rows as training takes them: read once, with their lengths, what encodes them, and their images' features."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.plugins import lookup
from pgt_lora.core.recipe import Recipe
from pgt_lora.data.checked_images import checked_images
from pgt_lora.data.stream import Stream
from pgt_lora.models.checkpoint import family_of, load_processor
from pgt_lora.models.encoding import Encoder
from pgt_lora.models.feature_cache import cached
from pgt_lora.models.lengths import Length, measure


@dataclass(frozen=True)
class Measured:
    """Rows, what encodes them for a recipe's base, and their lengths; `path` is their dataset directory's."""

    rows: Any
    encoder: Encoder
    lengths: Sequence[Length]
    path: Path | None = None


def measured(recipe: Recipe, rows: Any, path: Path | None = None) -> Measured:
    """Read rows once: their ids, texts and images, which are decoded where `path` is their dataset directory.

    A stream's are looked at batch by batch, while training. Several processes share the images out.

    Raises:
        InputError: a row, an image or the base cannot be used.
    """
    encoder, sft = open_encoder(recipe), recipe.sft
    if isinstance(rows, Stream):
        return Measured(rows, encoder, (), path)
    read = checked_images(rows, path, sft.world_size, sft.process_index) if path else rows
    return Measured(rows, encoder, measure(encoder, read), path)


def open_encoder(recipe: Recipe) -> Encoder:
    """Return what encodes rows for a recipe's base; no weights are read.

    Raises:
        InputError: the base is of another family than the recipe says, or cannot be read.
    """
    base, revision = recipe.base, recipe.model.model_revision
    family = family_of(base, revision)
    where = f"{recipe.name}: model_family"
    if family != lookup("pgt_lora.models.families", "FAMILY", recipe.kit.model_family, where):
        raise InputError(f"{where} {recipe.kit.model_family}, but {base} is {family.name}")
    return Encoder(family, load_processor(base, revision))


def with_features(recipe: Recipe, model: Any, read: Measured) -> Measured:
    """Return rows of a dataset directory with an encoder that reads their images' features from a cache."""
    assert read.path
    limit_gb = recipe.kit.feature_cache_gb
    return replace(read, encoder=cached(read.encoder, model, read.rows, read.path, limit_gb, read.lengths))
