"""What can be known of a base model without its weights: its architecture, built without memory, and its encoding."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pgt_lora.core.errors import InputError, choices
from pgt_lora.core.plugins import discover, lookup
from pgt_lora.core.recipe import Recipe
from pgt_lora.models.checkpoint import family, load_processor
from pgt_lora.models.encoding import Encoder
from pgt_lora.models.families.adapter import Adapter
from pgt_lora.models.placement import Placement, check_placement
from pgt_lora.models.published import PUBLISHED, build_config, build_processor
from pgt_lora.training.dry_run.memory import Dimensions, dimensions

if TYPE_CHECKING:
    from transformers import PretrainedConfig

LOCAL, HUB, OFFLINE = "its own files", "the Hub's files", "published dimensions"


@dataclass(frozen=True)
class Base:
    """What is known of a base model without its weights, and from where."""

    config: "PretrainedConfig"
    encoder: Encoder
    source: str


def open_base(recipe: Recipe, offline: bool) -> Base:
    """Read the configuration and processor of a recipe's base: its own, the Hub's, or the published dimensions.

    Raises:
        InputError: there is none, the Hub cannot be reached, or it is of another family than the recipe says.
    """
    from transformers import AutoConfig

    base, revision = recipe.base, recipe.model.model_revision
    named = lookup("pgt_lora.models.families", "ADAPTER", recipe.kit.model_family, f"{recipe.name}: model_family")
    if offline and not Path(base).is_dir():
        if base not in PUBLISHED:
            raise InputError(f"{base}: no published dimensions; known: {choices(PUBLISHED)}; leave out --offline")
        published = PUBLISHED[base]
        adapter: Adapter = discover("pgt_lora.models.families", "ADAPTER")[published.family]
        found = Base(build_config(published), Encoder(adapter, build_processor(published)), OFFLINE)
    else:
        if not Path(base).is_dir():
            reach(base, revision)
        adapter = family(base, revision)
        config = AutoConfig.from_pretrained(base, revision=revision)
        source = LOCAL if Path(base).is_dir() else HUB
        found = Base(config, Encoder(adapter, load_processor(base, revision)), source)
    if adapter != named:
        raise InputError(f"{recipe.name}: model_family {named.name}, but {base} is {adapter.name}")
    return found


def reach(base: str, revision: str | None) -> None:
    """Ask the Hub once for a base that is not in the cache, as the usual way tries for half a minute.

    Raises:
        InputError: the Hub cannot be reached.
    """
    from huggingface_hub import hf_hub_url, try_to_load_from_cache
    from huggingface_hub.utils import get_session

    if isinstance(try_to_load_from_cache(base, "config.json", revision=revision), str):
        return
    try:
        get_session().head(hf_hub_url(base, "config.json", revision=revision), timeout=10)
    except Exception as error:  # of httpx or httpx2, by the version of huggingface_hub
        raise InputError(
            f"{base}: the Hub cannot be reached ({error}); to go by its published dimensions, pass --offline"
        ) from error


def build_on_meta(recipe: Recipe, base: Base) -> tuple[Placement, Dimensions]:
    """Build the real architecture without memory for its weights, put LoRA on it and check where it sits."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText

    adapter = base.encoder.adapter
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(base.config)
        found = dimensions(model)
        lora = LoraConfig(r=recipe.model.lora_r, target_modules=adapter.lora_targets)
        return check_placement(get_peft_model(model, lora), adapter), found
