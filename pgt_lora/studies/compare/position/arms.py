"""What the arms of absolute position are trained on, and what each of them stops by."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from pgt_lora.core.recipe import Recipe
from pgt_lora.data.permuted import permuted
from pgt_lora.data.readers.build import test_directory
from pgt_lora.evaluation.paired import PERMUTED
from pgt_lora.studies.compare.position.photographs import photographed, photographed_validation
from pgt_lora.studies.compare.position.synthetic import training_items

POSITION = "position"
DISTRACTORS = (1, 3, 5)
SHARES = (0.1, 0.25, 0.5)  # of the training items; the whole is the arm `position`
PHOTOGRAPHS = f"{POSITION}-photographs"


def distractors(number: int) -> str:
    """Return the name of the arm, and of the evaluation set, with so many distractors in each image."""
    return f"{POSITION}-distractors-{number}"


SYNTHETIC: Mapping[str, Callable[[Recipe], Path]] = {
    POSITION: training_items,
    **{distractors(number): partial(training_items, num_distractors=number) for number in DISTRACTORS},
    **{f"{POSITION}-share-{share:g}": partial(training_items, share=share) for share in SHARES},
}
SMALLER = tuple(f"{POSITION}-share-{share:g}" for share in SHARES)  # the arms with fewer samples than others
ARMS = (*SYNTHETIC, f"{POSITION}{PERMUTED}", PHOTOGRAPHS)


def position_data(recipe: Recipe, name: str) -> Path:
    """Return the directory that an arm of absolute position is trained on, made where it is not there yet."""
    if name.endswith(PERMUTED):
        return permuted(position_data(recipe, name.removesuffix(PERMUTED)))
    return photographed(recipe, "train") if name == PHOTOGRAPHS else SYNTHETIC[name](recipe)


def position_validation(recipe: Recipe, name: str) -> Path:
    """Return the held-out directory that such an arm stops by: of its own kind, and no evaluation set."""
    if name.endswith(PERMUTED):
        return permuted(position_validation(recipe, name.removesuffix(PERMUTED)))
    return photographed_validation(recipe) if name == PHOTOGRAPHS else test_directory(SYNTHETIC[name](recipe))
