"""What can be known of a base model without its weights: its architecture, built without memory, and its encoding."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from pgt_lora.core.errors import InputError, choices
from pgt_lora.core.plugins import lookup
from pgt_lora.core.recipe import Recipe
from pgt_lora.models.checkpoint import read_config, says_its_head, stores_head
from pgt_lora.models.encoding import Encoder
from pgt_lora.models.placement import Placement, check_placement, target_modules
from pgt_lora.models.published import PUBLISHED, build_config
from pgt_lora.tiny.processors import build_processor
from pgt_lora.training.dry_run.memory import Dimensions, dimensions
from pgt_lora.training.measured import open_encoder

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class Origin(StrEnum):
    """Where what is known of a base comes from."""

    LOCAL = "its own files"
    HUB = "the Hub's files"
    PUBLISHED = "published dimensions"


@dataclass(frozen=True)
class Base:
    """What is known of a base model without its weights, and from where."""

    config: "PretrainedConfig"
    encoder: Encoder
    origin: Origin


def open_base(recipe: Recipe, offline: bool) -> Base:
    """Read the configuration and processor of a recipe's base: its own, the Hub's, or the published dimensions.

    Raises:
        InputError: there is none, the Hub cannot be reached, or it is of another family than the recipe says.
    """
    base, revision = recipe.base, recipe.model.model_revision
    if not offline or Path(base).is_dir():
        origin = Origin.LOCAL if Path(base).is_dir() else Origin.HUB
        return Base(config_with_its_head(base, revision), open_encoder(recipe), origin)
    if base not in PUBLISHED:
        raise InputError(f"{base}: no published dimensions; known: {choices(PUBLISHED)}; leave out --offline")
    published = PUBLISHED[base]
    family = lookup("pgt_lora.models.families", "FAMILY", recipe.kit.model_family, f"{recipe.name}: model_family")
    if family.name != published.family:
        raise InputError(f"{recipe.name}: model_family {family.name}, but {base} is {published.family}")
    return Base(build_config(published), Encoder(family, build_processor(published)), Origin.PUBLISHED)


def config_with_its_head(base: str, revision: str | None) -> "PretrainedConfig":
    """Return a checkpoint's configuration; where it does not say whether the head is tied, its weights decide."""
    config = read_config(base, revision)
    if not says_its_head(base, revision):
        is_tied = not stores_head(base, revision)
        config.tie_word_embeddings = config.get_text_config().tie_word_embeddings = is_tied
    return config


def build_on_meta(recipe: Recipe, base: Base) -> tuple[Placement, Dimensions]:
    """Build the real architecture without memory for its weights, put LoRA on it and check where it sits."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText

    family = base.encoder.family
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(base.config)
        found = dimensions(model)
        modules = target_modules(model, recipe.model.lora_target_modules, recipe.name)
        lora = LoraConfig(r=recipe.model.lora_r, target_modules=family.targets(modules))
        return check_placement(get_peft_model(model, lora), family, modules), found
