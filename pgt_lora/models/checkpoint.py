"""Checkpoints: finding what a name means, and loading the model and processor that it holds."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgt_lora.core.errors import InputError, choices
from pgt_lora.core.plugins import discover
from pgt_lora.core.recipe import find_recipe, model_path, read_values, recipe_names
from pgt_lora.models.families.adapter import Adapter

if TYPE_CHECKING:
    from transformers import PreTrainedModel, ProcessorMixin

ADAPTER_CONFIG = "adapter_config.json"


@dataclass(frozen=True)
class Checkpoint:
    """A base model and, where one was trained, the LoRA adapter on it.

    `base` is a directory or a Hub id; `adapter_dir` holds `adapter_config.json`.
    """

    base: str
    adapter_dir: Path | None = None
    revision: str | None = None


def resolve(name: str) -> Checkpoint:
    """Find the checkpoint that a name means: a recipe's base, a run or adapter directory, a checkpoint, a Hub id.

    Raises:
        InputError: it is none of these.
    """
    path = Path(name)
    if recipe := find_recipe(name):
        values = read_values(recipe)
        return Checkpoint(model_path(values["model_name_or_path"]), revision=values.get("model_revision"))
    if directory := resolve_adapter(path):
        config = json.loads((directory / ADAPTER_CONFIG).read_text(encoding="utf-8"))
        return Checkpoint(model_path(config["base_model_name_or_path"]), directory, config.get("revision"))
    if (path / "config.json").is_file():
        return Checkpoint(str(path))
    if path.exists() or name.count("/") != 1 or name.startswith((".", "/")):
        raise InputError(
            f"{name}: no recipe, run, adapter or checkpoint directory, and no Hub id (owner/name); "
            f"recipes: {choices(recipe_names())}"
        )
    return Checkpoint(name)


def resolve_adapter(path: Path) -> Path | None:
    """Return the adapter's directory that is `path`, or is in the run directory `path`; None where there is none."""
    return next((each for each in (path, path / "adapter") if (each / ADAPTER_CONFIG).is_file()), None)


def cached_commit(base: str, revision: str | None = None) -> str | None:
    """Return the commit of a Hub id that is in the cache; None for a directory, which has none."""
    from huggingface_hub import try_to_load_from_cache

    config = None if Path(base).is_dir() else try_to_load_from_cache(base, "config.json", revision=revision)
    return Path(config).parent.name if isinstance(config, str) else None  # a snapshot's folder is named by its commit


def family(base: str, revision: str | None = None) -> Adapter:
    """Return the adapter of the family that a checkpoint's `config.json` names.

    Raises:
        InputError: the checkpoint cannot be found, or no adapter knows its `model_type`.
    """
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(base, revision=revision)
    except (OSError, ValueError) as error:
        raise InputError(f"{base}: cannot be loaded: {str(error).splitlines()[0]}") from error
    known = {adapter.model_type: adapter for adapter in discover("pgt_lora.models.families", "ADAPTER").values()}
    if config.model_type not in known:
        raise InputError(f"{base}: no adapter for model_type {config.model_type!r}; known: {choices(known)}")
    return known[config.model_type]


def load_processor(base: str, revision: str | None = None) -> "ProcessorMixin":
    """Load a checkpoint's processor, as it is."""
    from transformers import AutoProcessor

    return AutoProcessor.from_pretrained(base, revision=revision)


def load_model(base: str, revision: str | None = None, **kwargs: Any) -> "PreTrainedModel":
    """Load a checkpoint's model; `kwargs` are those of `from_pretrained` (dtype, attn_implementation, …)."""
    from transformers import AutoModelForImageTextToText

    return AutoModelForImageTextToText.from_pretrained(base, revision=revision, **kwargs)


def load_adapter(model: "PreTrainedModel", directory: Path) -> Any:
    """Put a saved LoRA adapter on a base model, with fp32 adapter weights.

    Raises:
        InputError: the adapter's keys are not exactly those that the model has a place for (PEFT only warns).
    """
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors import safe_open

    peft_model = PeftModel.from_pretrained(model, directory, autocast_adapter_dtype=True)
    with safe_open(directory / "adapter_model.safetensors", "pt") as file:
        saved = set(file.keys())
    placed = set(get_peft_model_state_dict(peft_model))
    if saved != placed:
        raise InputError(
            f"{directory}: {len(saved - placed)} adapter keys have no place in this model and {len(placed - saved)} "
            f"places have no key (first: {min(saved ^ placed)}); was it trained on another base?"
        )
    return peft_model
