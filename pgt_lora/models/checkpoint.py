"""Checkpoints: loading the model, the processor and the adapter that they hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgt_lora.core.errors import InputError, check_known, choices
from pgt_lora.core.files import read_json, write_json
from pgt_lora.core.plugins import discover
from pgt_lora.core.recipe_values import read_values
from pgt_lora.core.workspace import shipped_path
from pgt_lora.models.base_place import PLACE, find_base, is_base, write_place
from pgt_lora.models.families.family import Family
from pgt_lora.models.weight_files import adapter_file, read_tensors

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, ProcessorMixin

ADAPTER_CONFIG = "adapter_config.json"
OWN_RECIPE = "recipe.yaml"  # of what was trained, in its adapter's directory


@dataclass(frozen=True)
class Checkpoint:
    """A base model and, where one was trained, the LoRA adapter on it.

    `base` is a directory or a Hub id; `adapter_dir` holds `adapter_config.json`.
    """

    base: str
    adapter_dir: Path | None = None
    revision: str | None = None

    def __str__(self) -> str:
        """Return what is told apart from other models by: the adapter's directory, or the base."""
        return str(self.adapter_dir or self.base)


def find_adapter(path: Path) -> Path | None:
    """Return the adapter's directory that is `path`, or is in the run directory `path`; None where there is none."""
    return next((each for each in (path, path / "adapter") if (each / ADAPTER_CONFIG).is_file()), None)


def adapter_checkpoint(directory: Path) -> Checkpoint:
    """Return an adapter's directory together with the base that its configuration names.

    Where that was a directory and is no longer there, as after a move, the base is looked for (`find_base`), and then
    it is the one that the recipe beside the adapter names.
    """
    config = read_json(directory / ADAPTER_CONFIG)
    base, recipe = shipped_path(config["base_model_name_or_path"]), directory / OWN_RECIPE
    if Path(base).is_absolute() and not Path(base).is_dir():
        base = find_base(directory, base)
    if Path(base).is_absolute() and not Path(base).is_dir() and recipe.is_file():
        base = shipped_path(read_values(recipe)["model_name_or_path"])
    return Checkpoint(base, directory, config.get("revision"))


def set_base(directory: Path, base: Path | None = None) -> Path:
    """Write into an adapter's configuration where its base lies now, for PEFT and others; return it.

    Without `base`, it is looked for as `adapter_checkpoint` does.

    Raises:
        InputError: it is not found, or `base` holds another model than the adapter was trained on.
    """
    found = Path(base or adapter_checkpoint(directory).base).absolute()
    path, place = directory / ADAPTER_CONFIG, directory / PLACE
    if not (found / "config.json").is_file():
        raise InputError(f"{found}: no checkpoint directory; name the base of {directory} with --base")
    if place.is_file() and not is_base(found, read_json(place)["fingerprint"]):
        raise InputError(f"{found}: not the model on which {directory} was trained; name its base with --base")
    config = read_json(path)
    write_json(path, config | {"base_model_name_or_path": str(found)})
    write_place(directory, str(found))
    return found


def without_adapter(model: Any) -> Any:
    """Return the model under PEFT's wrapper, where it has one; the layers of an adapter stay in it."""
    return getattr(model, "get_base_model", lambda: model)()


def cached_commit(base: str, revision: str | None = None) -> str | None:
    """Return the commit of a Hub id that is in the cache; None for a directory, which has none."""
    from huggingface_hub import try_to_load_from_cache

    config = None if Path(base).is_dir() else try_to_load_from_cache(base, "config.json", revision=revision)
    return Path(config).parent.name if isinstance(config, str) else None  # a snapshot's folder is named by its commit


def read_config(base: str, revision: str | None = None) -> "PretrainedConfig":
    """Return a checkpoint's configuration.

    Raises:
        InputError: the checkpoint cannot be found, or the Hub not be reached.
    """
    from transformers import AutoConfig

    if not Path(base).is_dir():
        reach(base, revision)
    try:
        config: PretrainedConfig = AutoConfig.from_pretrained(base, revision=revision)
    except (OSError, ValueError) as error:
        raise InputError(f"{base}: cannot be loaded: {str(error).splitlines()[0]}") from error
    return config


def reach(base: str, revision: str | None) -> None:
    """Ask the Hub once for a base that is not in the cache, as the usual way tries for half a minute.

    Raises:
        InputError: the Hub cannot be reached.
    """
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import get_session

    if cached_commit(base, revision):
        return
    try:
        get_session().head(hf_hub_url(base, "config.json", revision=revision), timeout=10)
    except Exception as error:  # of httpx or httpx2, by the version of huggingface_hub
        raise InputError(
            f"{base}: the Hub cannot be reached ({error}); `pgt-lora check --offline` uses published dimensions"
        ) from error


def says_its_head(base: str, revision: str | None = None) -> bool:
    """Tell whether a checkpoint's own configuration says if its head is tied; where not, the class's default counts."""
    from transformers import PretrainedConfig

    written, _ = PretrainedConfig.get_config_dict(base, revision=revision)
    return any("tie_word_embeddings" in part for part in (written, written.get("text_config") or {}))


def stores_head(base: str, revision: str | None = None) -> bool:
    """Tell whether a head of its own is among the weights of a checkpoint; of the Hub's, only file headers are read."""
    from huggingface_hub import get_safetensors_metadata
    from safetensors import safe_open

    if not Path(base).is_dir():
        keys = list(get_safetensors_metadata(base, revision=revision).weight_map)
    else:
        keys = []
        for path in Path(base).glob("*.safetensors"):
            with safe_open(path, "pt") as file:
                keys += file.keys()
    return any(key.endswith("lm_head.weight") for key in keys)


def family_of_config(config: "PretrainedConfig", base: str) -> Family:
    """Return the family that a checkpoint's `model_type` names.

    Raises:
        InputError: no family knows it.
    """
    known = {family.model_type: family for family in discover("pgt_lora.models.families", "FAMILY").values()}
    if config.model_type not in known:
        raise InputError(f"{base}: no family for model_type {config.model_type!r}; known: {choices(known)}")
    return known[config.model_type]


def family_of(base: str, revision: str | None = None) -> Family:
    """Return the family of a checkpoint; raises as `read_config` and `family_of_config` do."""
    return family_of_config(read_config(base, revision), base)


def load_processor(base: str, revision: str | None = None) -> "ProcessorMixin":
    """Load a checkpoint's processor, as it is."""
    from transformers import AutoProcessor

    return AutoProcessor.from_pretrained(base, revision=revision)


def load_model(base: str, revision: str | None = None, **kwargs: Any) -> "PreTrainedModel":
    """Load a checkpoint's model; `kwargs` are those of `from_pretrained` (dtype, attn_implementation, …).

    Its `generation_config.json` is not read: answers are generated as `evaluation` says.

    Raises:
        InputError: `attn_implementation` names a part that the model does not have.
    """
    from transformers import AutoModelForImageTextToText, GenerationConfig

    if isinstance(attention := kwargs.get("attn_implementation"), Mapping):
        parts = read_config(base, revision).sub_configs  # Transformers takes other names and heeds none of them
        check_known("attn_implementation", attention, ["", *parts])
    kwargs = {"generation_config": GenerationConfig(), **kwargs}
    return AutoModelForImageTextToText.from_pretrained(base, revision=revision, **kwargs)


def load_adapter(model: "PreTrainedModel", directory: Path) -> Any:
    """Put a saved LoRA adapter on a base model, with fp32 adapter weights.

    Raises:
        InputError: the adapter's keys are not exactly those that the model has a place for (PEFT only warns).
    """
    from peft import PeftModel, get_peft_model_state_dict

    peft_model = PeftModel.from_pretrained(model, directory, autocast_adapter_dtype=True)
    saved = {key for key, _ in read_tensors(adapter_file(directory))}
    placed = set(get_peft_model_state_dict(peft_model))
    if saved != placed:
        raise InputError(
            f"{directory}: {len(saved - placed)} adapter keys have no place in this model and {len(placed - saved)} "
            f"places have no key (first: {min(saved ^ placed)}); was it trained on another base?"
        )
    return peft_model
