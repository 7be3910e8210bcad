"""What makes an adapter's directory stand on its own: module names, where its base lies, processor and card."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pgt_lora.core.files import read_json, write_json, write_text
from pgt_lora.core.html import render_page
from pgt_lora.core.recipe import Recipe
from pgt_lora.models.base_place import write_place
from pgt_lora.models.checkpoint import ADAPTER_CONFIG, family_of, load_processor
from pgt_lora.models.placement import plain_targets
from pgt_lora.models.weight_files import adapter_file, as_other_files


def complete(directory: Path, model: Any, recipe: Recipe, facts: Mapping[str, Any]) -> None:
    """Write what PEFT leaves out into a saved adapter's directory.

    `adapter_config.json` gets module names in the place of the family's regular expression, which some servers refuse,
    and no task type: PEFT's `AutoPeftModel` then loads the base by its own class.
    """
    as_other_files(adapter_file(directory))
    path = directory / ADAPTER_CONFIG
    config = read_json(path)
    revision = recipe.model.model_revision
    # Sharding over processes makes a class of its own of the model's.
    kind = next(each for each in type(model.get_base_model()).__mro__ if each.__module__.startswith("transformers."))
    targets, exclude = plain_targets(model, facts["placement"]["modules"], family_of(recipe.base, revision))
    config |= {
        "target_modules": targets,
        "exclude_modules": exclude,
        "task_type": None,
        "base_model_name_or_path": recipe.base,
        "auto_mapping": {"base_model_class": kind.__name__, "parent_library": kind.__module__},
    }
    write_json(path, config)
    write_place(directory, recipe.base)
    load_processor(recipe.base, revision).save_pretrained(directory)
    write_text(directory / "README.md", card(recipe, config, facts))


def card(recipe: Recipe, config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """Return the card of an adapter that was just trained; `pgt-lora push` writes one with scores and proofs."""
    from huggingface_hub import ModelCardData

    on_hub = not Path(recipe.base).is_dir()
    data = ModelCardData(
        base_model=recipe.base if on_hub else None,
        base_model_relation="adapter" if on_hub else None,
        library_name="peft",
        pipeline_tag="image-text-to-text",
        tags=["pgt-lora", "lora", "trl", "sft"],
    )
    text = render_page(
        "adapter_card.md.jinja",
        name=recipe.name,
        base=recipe.base if on_hub else Path(recipe.base).name,
        revision=config.get("revision"),
        facts=facts,
        modules=facts["placement"]["modules"],
        max_new_tokens=recipe.kit.max_new_tokens,
        recipe=recipe.dump(),
    )
    return f"---\n{data.to_yaml()}\n---\n{text}"
