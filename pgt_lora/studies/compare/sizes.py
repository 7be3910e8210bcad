"""How many samples the arms of a comparison have: equally many, and as many as was asked for."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe_values import parse_overrides
from pgt_lora.core.typed import typed
from pgt_lora.data.directory import read_manifest
from pgt_lora.evaluation.paired import BASE
from pgt_lora.studies.compare.arms import Arm
from pgt_lora.studies.compare.position.arms import ARMS as POSITION_ARMS
from pgt_lora.studies.compare.position.arms import SMALLER


def check_num_samples(arms: Sequence[Arm], overrides: Sequence[str]) -> None:
    """Refuse `num_samples` where no arm has as many samples as a recipe says.

    Raises:
        InputError: it is among the words that were typed.
    """
    if "num_samples" in parse_overrides(overrides) and not any(map(_is_drawn, arms)):
        own = next((arm.directory for arm in arms if arm.directory and arm.is_trained), None)
        fewer = f", or take fewer rows with: {typed('import', own, '--limit')} N --out DIR" if own else ""
        raise InputError(f"--num_samples: what these arms are trained on is used whole; leave it out{fewer}")


def check_equal(arms: Sequence[Arm], datasets: Mapping[str, Path]) -> None:
    """Check that the arms are trained on equally many samples, but for those that are meant to have fewer.

    Raises:
        InputError: they are not; the message says how to make them equal.
    """
    sizes = {name: read_manifest(path)["num_samples"] for name, path in datasets.items()}
    compared = [arm for arm in arms if arm.name in sizes and arm.name not in SMALLER]
    least = min((sizes[arm.name] for arm in compared), default=0)
    larger = [arm for arm in compared if sizes[arm.name] > least]
    if larger:
        remedies = [_fewer_rows(arm.directory, least) for arm in larger if arm.directory]
        remedies += [f"pass --num_samples {least}"] * any(map(_is_drawn, larger))
        told = ", ".join(f"{name} {size}" for name, size in sizes.items())
        remedy = ", and ".join(remedies) or "give the others as many"
        raise InputError(f"the arms have unequal numbers of samples ({told}); to make them equal, {remedy}")


def _fewer_rows(directory: Path, number: int) -> str:
    place = directory.resolve()
    command = typed("import", directory, "--limit", number, "--out", place.with_name(f"{place.name}-{number}"))
    return f"take fewer rows with: {command}"


def _is_drawn(arm: Arm) -> bool:
    """Tell whether an arm has as many samples as a recipe says."""
    return arm.over is not None or (arm.directory is None and arm.name not in (BASE, *POSITION_ARMS))
