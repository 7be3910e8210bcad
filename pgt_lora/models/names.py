"""What a person types for a model: a recipe, a run, an adapter, a checkpoint directory or a Hub id, in that order.

The command line resolves a name once; below it there are recipes and checkpoints.
"""

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgt_lora.core.errors import InputError, choices
from pgt_lora.core.files import read_json
from pgt_lora.core.recipe import Recipe, build_recipe, find_recipe, recipe_names, with_overrides
from pgt_lora.core.recipe_values import parse_overrides, read_values
from pgt_lora.core.typed import typed
from pgt_lora.core.workspace import RECIPES, is_hub_id, shipped_path
from pgt_lora.data.weights import parse_weights
from pgt_lora.models.checkpoint import (
    OWN_RECIPE,
    Checkpoint,
    adapter_checkpoint,
    family_of_config,
    find_adapter,
    read_config,
)
from pgt_lora.models.published import PUBLISHED, build_config

if TYPE_CHECKING:
    from transformers import PretrainedConfig

STARTED = "started.json"  # a run's recipe and the hash of its data, from its first second on


@dataclass(frozen=True)
class Named:
    """What a name means: a recipe and a model. A run that has no adapter yet is no model."""

    name: str
    recipe: Recipe
    model: Checkpoint | None

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint, which holds an adapter where the name does.

        Raises:
            InputError: it is a run that is not trained yet; its base would answer in its place.
        """
        if self.model is None:
            raise InputError(f"{self.name}: not trained yet; finish it with: {typed('run', self.name)}")
        return self.model


def resolve(name: str, overrides: Sequence[str] = (), to_train: bool = True) -> Named:
    """Return what a name means, as `_meant` says, once its tasks are known to be some, whatever it is trained on.

    Raises:
        InputError: the name means nothing, or a field cannot be what it is to be.
    """
    named = _meant(name, overrides, to_train)
    parse_weights(named.recipe.kit.tasks)
    return named


def _meant(name: str, overrides: Sequence[str], to_train: bool) -> Named:
    """Return what a name means, a run and an adapter with their own recipes, with overrides of the recipe's fields.

    A checkpoint without a recipe of its own gets that of its base on the Hub or, for another one, that of its family
    whose model is nearest in size: the paper's values. Training in 16 bits asks for a GPU that can, so a recipe that is
    not `to_train` here is read without; models are loaded in its dtype wherever they are.

    Raises:
        InputError: the name means nothing, or a field cannot be what it is to be.
    """
    path, asked = Path(name), parse_overrides(overrides) | ({} if to_train else {"bf16": False, "fp16": False})
    if found := find_recipe(name):
        recipe = build_recipe(found.stem, with_overrides(found, overrides), read_values(found) | asked)
        return Named(name, recipe, base_of(recipe))
    adapter_dir = find_adapter(path)
    if (path / STARTED).is_file():
        values = read_json(path / STARTED)["recipe"]
        recipe = build_recipe(path.resolve().name, str(path / STARTED), values | asked)
        return Named(name, recipe, adapter_checkpoint(adapter_dir) if adapter_dir else None)
    if adapter_dir:
        checkpoint = adapter_checkpoint(adapter_dir)
        written = adapter_dir / OWN_RECIPE
        if not written.is_file():
            return Named(name, nearest_recipe(checkpoint, asked), checkpoint)
        recipe = build_recipe(path.resolve().name, str(written), read_values(written) | asked)
        return Named(name, recipe, checkpoint)
    if (path / "config.json").is_file() or is_hub_id(name):
        checkpoint = Checkpoint(str(path.absolute()) if path.is_dir() else name)
        return Named(name, nearest_recipe(checkpoint, asked), checkpoint)
    near = difflib.get_close_matches(name, recipe_names(), n=3)
    hint = f"did you mean {', '.join(near)}?" if near else f"recipes: {choices(recipe_names())}"
    raise InputError(f"{name}: not a recipe, run, adapter or checkpoint directory, or a Hub id (owner/name); {hint}")


def base_of(recipe: Recipe) -> Checkpoint:
    """Return the checkpoint that a recipe starts from."""
    return Checkpoint(recipe.base, revision=recipe.model.model_revision)


def nearest_recipe(checkpoint: Checkpoint, asked: Mapping[str, Any]) -> Recipe:
    """Return the recipe of a checkpoint's base, or the one of its family whose model is nearest in size.

    Raises:
        InputError: the checkpoint cannot be read, or no family of the kit knows it.
    """
    base = checkpoint.base
    values = {name: read_values(RECIPES / f"{name}.yaml") for name in recipe_names()}
    own = [name for name, each in values.items() if is_same(shipped_path(each["model_name_or_path"]), base)]
    if not own:
        config = read_config(base, checkpoint.revision)
        family = family_of_config(config, base).name
        own = sorted(
            (name for name, each in values.items() if each["model_family"] == family and is_published(each)),
            key=lambda name: distance(config, build_config(PUBLISHED[values[name]["model_name_or_path"]])),
        )
    if not own:
        raise InputError(f"{base}: no recipe of its family; write one, such as those in {RECIPES}")
    named = {"model_name_or_path": base} | ({"model_revision": checkpoint.revision} if checkpoint.revision else {})
    recipe = build_recipe(own[0], base, values[own[0]] | named | dict(asked))
    return replace(recipe, name=Path(base).name if Path(base).is_dir() else base.replace("/", "--"))


def is_same(base: str, other: str) -> bool:
    """Tell whether two checkpoints are one: the same Hub id, or the same directory."""
    return base == other or (Path(base).is_dir() and Path(base).resolve() == Path(other).resolve())


def is_published(values: Mapping[str, Any]) -> bool:
    """Tell whether a recipe's model is one whose dimensions the kit knows."""
    return values["model_name_or_path"] in PUBLISHED


def distance(config: "PretrainedConfig", other: "PretrainedConfig") -> tuple[bool, float]:
    """Return how far two language models are apart: of another kind or not, and the ratio of their sizes, as a log."""
    ours, theirs = config.get_text_config(), other.get_text_config()
    sizes = [each.num_hidden_layers * each.hidden_size**2 for each in (ours, theirs)]
    return ours.model_type != theirs.model_type, abs(math.log(sizes[0] / sizes[1]))
