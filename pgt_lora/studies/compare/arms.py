"""The arms of a comparison: a name, and the dataset directory that it is trained on or the adapter that it is."""

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pgt_lora.core.errors import InputError, choices
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.workspace import data_directory
from pgt_lora.data.blend import blend
from pgt_lora.data.directory import is_current, read_manifest
from pgt_lora.data.permuted import permuted
from pgt_lora.data.pgt import pgt_data
from pgt_lora.data.style import Style
from pgt_lora.data.weights import parse_weights, units
from pgt_lora.evaluation.paired import BASE, PERMUTED
from pgt_lora.models.checkpoint import adapter_checkpoint, find_adapter
from pgt_lora.studies.compare.position.arms import ARMS as POSITION_ARMS
from pgt_lora.studies.compare.position.arms import position_data, position_validation
from pgt_lora.studies.compare.real_data import OverData, RealData, rows_of_arm
from pgt_lora.studies.compare.transfer.grounds import PHOTOGRAPHS
from pgt_lora.studies.compare.transfer.over import over
from pgt_lora.tiny.skills import with_replay

PGT, VARIED, MIX, BOTH, WITHOUT = "pgt", "pgt-varied", "specialized-mix", "pgt+mix", "pgt-no-"
PHOTOGRAPHED = "pgt-photographs"
WHOLE = (BASE, PGT, VARIED, PHOTOGRAPHED, f"{PGT}{PERMUTED}", f"{VARIED}{PERMUTED}", MIX, BOTH, *POSITION_ARMS)
NAME = r"[A-Za-z0-9][\w.+-]*"
KNOWN = (*WHOLE, f"{WITHOUT}UNIT", "NAME=DIR")


@dataclass(frozen=True)
class Arm:
    """One arm; `directory` is the user's own dataset or adapter, None for the arms that the kit makes.

    `over` says what an arm of a preset is trained on of the real data that the comparison is given.
    """

    name: str
    directory: Path | None = None
    over: OverData | None = None

    @property
    def is_adapter(self) -> bool:
        """Whether the arm was trained before, here or elsewhere, and is only scored."""
        return self.directory is not None and find_adapter(self.directory) is not None

    @property
    def is_trained(self) -> bool:
        """Whether the arm is trained by the comparison."""
        return self.name != BASE and not self.is_adapter


def parse_arms(text: str) -> list[Arm]:
    """Read `base,pgt,mine=DIR`.

    Raises:
        InputError: an arm or a unit is unknown, given twice or not a usable name, or there are fewer than two.
    """
    arms = [parse_arm(part.strip()) for part in text.split(",") if part.strip()]
    check_arms(arms)
    return arms


def check_arms(arms: Sequence[Arm]) -> None:
    """Check that arms can be compared.

    Raises:
        InputError: one is given twice, an arm over real data has not a usable name, or there are fewer than two.
    """
    names = [arm.name for arm in arms]
    told = ",".join(names)
    for arm in arms:
        if names.count(arm.name) > 1:
            raise InputError(f"arms {told!r}: {arm.name} is given twice")
        if arm.over and (arm.name in WHOLE or not re.fullmatch(NAME, arm.name)):
            raise InputError(f"arm {arm.name!r}: needs its own name over real data, of letters, digits and . _ + -")
    if len(arms) < 2:
        raise InputError(f"arms {told!r}: a comparison needs two arms or more; known: {', '.join(KNOWN)}")


def parse_arm(word: str) -> Arm:
    """Read one arm as a person types it.

    Raises:
        InputError: it or its unit is unknown, or its name is not usable.
    """
    name, equals, directory = word.partition("=")
    unit = name.removeprefix(WITHOUT) if name.startswith(WITHOUT) else None
    if equals:
        if name == BASE:
            raise InputError(
                f"arm {word!r}: {name} is the model without training; choose another name for your dataset"
            )
        if not re.fullmatch(NAME, name) or not directory:
            raise InputError(f"arm {word!r}: write NAME=DIR, with a name of letters, digits and . _ + -")
        return Arm(name, Path(directory))
    if unit is not None and unit not in units():
        raise InputError(f"arm {name!r}: unknown unit {unit!r}; known: {choices(units())}")
    if unit is None and name not in WHOLE:
        raise InputError(f"arm {name!r}: unknown; known: {', '.join(KNOWN)}, with UNIT one of {choices(units())}")
    return Arm(name)


def arm_data(recipe: Recipe, arms: Sequence[Arm], real: RealData | None = None) -> dict[str, Path]:
    """Return the dataset directory of every trained arm by its name; the kit's own are made where they are not there.

    Arms over the `real` data replay no lessons: it is what they would forget.

    Raises:
        InputError: a directory cannot be used.
    """
    trained = [arm for arm in arms if arm.is_trained]
    for arm in trained:
        if arm.directory:
            read_manifest(arm.directory)  # a wrong directory is to be told before others are made
    return {arm.name: _data(recipe, arm, real) for arm in trained}


def _data(recipe: Recipe, arm: Arm, real: RealData | None) -> Path:
    if real and arm.over:
        return rows_of_arm(real, arm.name, arm.over)
    return arm.directory or with_replay(recipe, _make(recipe, arm.name))


def arm_validation(recipe: Recipe, arms: Sequence[Arm], first: Path) -> dict[str, Path]:
    """Return the set whose loss is computed while an arm trains, by its name: its own, or the `first` of all arms."""
    if recipe.sft.eval_strategy == "no":
        return {}
    trained = [arm.name for arm in arms if arm.is_trained]
    return {name: position_validation(recipe, name) if name in POSITION_ARMS else first for name in trained}


def arm_adapters(recipe: Recipe, arms: Sequence[Arm]) -> dict[str, Path]:
    """Return the directory of every arm that is an adapter, by its name.

    Raises:
        InputError: an adapter is on another base than the recipe's.
    """
    found = {}
    for arm in arms:
        if arm.directory and (adapter_dir := find_adapter(arm.directory)):
            base = adapter_checkpoint(adapter_dir).base
            if base != recipe.base:
                raise InputError(
                    f"arm {arm.name}: {arm.directory} is an adapter on {base}, the recipe's base is {recipe.base}"
                )
            found[arm.name] = arm.directory
    return found


def _make(recipe: Recipe, name: str) -> Path:
    num = recipe.kit.num_samples
    if name in POSITION_ARMS:
        return position_data(recipe, name)
    if name == MIX:
        return specialized_mix(recipe, num)
    if name == BOTH:
        return blend(pgt_data(recipe, "train", num), specialized_mix(recipe, num), 0.5, num)
    if name.endswith(PERMUTED):
        return permuted(_make(recipe, name.removesuffix(PERMUTED)))
    if name.startswith(WITHOUT):
        weights = weights_without(name.removeprefix(WITHOUT), parse_weights(recipe.kit.tasks))
        return pgt_data(recipe, "train", num, name, weights)
    if name == PHOTOGRAPHED:
        return over(pgt_data(recipe, "train", num, style=Style.PLAIN), PHOTOGRAPHS["train"])
    style = Style.VARIED if name == VARIED else None
    return pgt_data(recipe, "train", num, style=style)


def weights_without(unit: str, weights: Mapping[str, float]) -> dict[str, float]:
    """Return the weights of the tasks without those of a unit; the others keep their proportions."""
    kept = {name: weight for name, weight in weights.items() if name not in units()[unit]}
    return {name: weight / sum(kept.values()) for name, weight in kept.items()}


def specialized_mix(recipe: Recipe, num_samples: int) -> Path:
    """Return the directory of the specialized mix, made where it is not there; a stand-in for the small models.

    Raises:
        InputError: the sources that the mix is made of cannot be had.
    """
    path = data_directory(f"pgt-{'tiny' if recipe.is_small else 'specialized'}-mix-train-{num_samples}")
    if is_current(path):
        return path
    shutil.rmtree(path, ignore_errors=True)  # of other versions; the name is the kit's own to make anew
    from pgt_lora.data.mix.build import build_mix
    from pgt_lora.data.mix.request import MixRequest

    if recipe.is_small:
        from pgt_lora.tiny.standin import IMAGES, annotations, write_standin

        raw = path.with_name(f"{path.name}-raw")
        shutil.rmtree(raw, ignore_errors=True)
        write_standin(raw, num_samples, 0)
        build_mix(path, MixRequest(num_samples), annotations=annotations(raw), image_root=raw / IMAGES)
    else:
        # Their test splits are what the arms may be measured on.
        build_mix(path, MixRequest(num_samples, exclude=("vsr", "tallyqa")))
    return path
