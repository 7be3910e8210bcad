"""What a person types for data: `pgt`, `specialized-mix`, shares, a dataset directory, or what can be imported."""

from collections.abc import Iterable
from pathlib import Path

from pgt_lora.core.errors import InputError
from pgt_lora.core.pairs import parse_shares
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.terminal import console
from pgt_lora.data.directory import read_manifest
from pgt_lora.data.mix.mixture import mixture
from pgt_lora.data.mix.request import sources
from pgt_lora.data.pgt import pgt_data, pgt_settings
from pgt_lora.data.readers.named import as_directory
from pgt_lora.evaluation.held_out import test_split
from pgt_lora.models.names import STARTED
from pgt_lora.studies.compare.arms import specialized_mix
from pgt_lora.tiny.skills import with_replay
from pgt_lora.training.run_directory import data_of

MADE = ("pgt", "specialized-mix")  # what the kit makes itself, as a recipe says


def dataset(name: str, recipe: Recipe | None = None, split: str = "train") -> Path:
    """Return the dataset directory that --data names, imported or made where it is none yet.

    With a recipe, `pgt`, `specialized-mix` and shares such as `pgt=0.9,DIR=0.1` are made as the recipe says.

    Raises:
        InputError: there is no such data, it cannot be read, or it is shares, which are drawn from training data, where
            held-out data is meant.
    """
    if recipe and is_shared(name):
        if split != "train":
            raise InputError(
                f"--eval-data {name!r}: shares are drawn from training data; name one held-out dataset in their place"
            )
        return shared(name, recipe)
    directory = _one(name, recipe, split)
    return with_replay(recipe, directory) if recipe and name == "pgt" and split == "train" else directory


def _one(name: str, recipe: Recipe | None, split: str = "train") -> Path:
    if recipe is None or name not in MADE:
        return as_directory(name)
    if name == "pgt":
        return pgt_data(recipe, split, recipe.kit.num_samples if split == "train" else recipe.kit.num_test_samples)
    if split != "train":
        raise InputError(f"{name}: it has no held-out part; evaluate on another dataset")
    return specialized_mix(recipe, recipe.kit.num_samples)


def data_of_run(run: str) -> Path:
    """Return the data that a run was begun with, to train it on.

    Raises:
        InputError: it is no run, was given no data, or they are gone.
    """
    data = data_of(Path(run)) if (Path(run) / STARTED).is_file() else None
    if data is None:
        raise InputError(f"--data: missing, and {run} is no run that was begun with data; name a dataset directory")
    return data


def sized_by(name: str) -> str | None:
    """Return which of the data bring their number of rows with them, the first of shares; None where a recipe says."""
    first = next(iter(parse_shares("--data", name))) if is_shared(name) else name
    return None if first in (*MADE, *sources()) else first


def is_shared(name: str) -> bool:
    """Tell whether a name means shares of several datasets."""
    return "=" in name and not Path(name).exists()


def shared(shares: str, recipe: Recipe) -> Path:
    """Return the mixture that `pgt=0.9,DIR=0.1` names, with as many rows as the first of them has, each once.

    Where the first is a source of annotations or made by the kit, there are as many as the recipe's `num_samples`.
    """
    weights = parse_shares("--data", shares)
    names = {name: name if name in sources() else str(_one(name, recipe)) for name in weights}
    num_samples = recipe.kit.num_samples if sized_by(shares) is None else None
    by_path = {names[name]: weight for name, weight in weights.items()}
    if len(by_path) < len(weights):
        raise InputError(f"--data {shares!r}: two names are the same dataset; give it one share")
    path = mixture(by_path, num_samples, pgt_settings(recipe))
    if num_samples is None:
        number = read_manifest(path)["num_samples"]
        console.print(
            f"A mixture of {number:,} rows, as many different ones as its first part has: {path}", soft_wrap=True
        )
    return path


def held_out(names: Iterable[str] | None, recipe: Recipe, data: str | None = None) -> list[Path]:
    """Return the dataset directories that --eval-data names; without names, the test splits beside shares of `data`."""
    if names or data is None or not is_shared(data):
        return [dataset(name, recipe, "test") for name in names or ()]
    own = [dataset(name, recipe) for name in parse_shares("--data", data) if name not in sources()]
    return [split for split in map(test_split, own) if split]
