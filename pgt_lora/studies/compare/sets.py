"""Evaluation sets that the kit makes of itself, by the names that presets give."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pgt_lora.core.errors import InputError, choices
from pgt_lora.core.recipe import Recipe
from pgt_lora.data.pgt import pgt_data
from pgt_lora.data.style import Style
from pgt_lora.evaluation.held_out import PGT, SKILLS, TITLES, given_sets
from pgt_lora.studies.compare.position.arms import DISTRACTORS, POSITION, distractors
from pgt_lora.studies.compare.position.arms import PHOTOGRAPHS as POSITION_PHOTOGRAPHS
from pgt_lora.studies.compare.position.photographs import photographed
from pgt_lora.studies.compare.position.synthetic import every_item
from pgt_lora.studies.compare.real_data import RealData, asked_over
from pgt_lora.studies.compare.transfer.grounds import PHOTOGRAPHS, PLAIN_COLORS, TEXTURES_UNSEEN, Grounds
from pgt_lora.studies.compare.transfer.over import over
from pgt_lora.studies.compare.transfer.photographs import TEST
from pgt_lora.studies.compare.transfer.things import things_on_photographs
from pgt_lora.tiny.skills import skill_data
from pgt_lora.tiny.things import NAMES


@dataclass(frozen=True)
class EvaluationSet:
    """A set by its title, what a stranger should know of it, and the function that makes it."""

    title: str
    about: str
    make: Callable[[Recipe], Path]


def _held_out(recipe: Recipe) -> Path:
    return pgt_data(recipe, "test", recipe.kit.num_test_samples)


def _over(grounds: Grounds) -> Callable[[Recipe], Path]:
    def make(recipe: Recipe) -> Path:
        return over(pgt_data(recipe, "test", recipe.kit.num_test_samples, style=Style.PLAIN), grounds)

    return make


SAME = "the scenes and questions of held-out PGT, in the plain style, over"
ON_PHOTOGRAPHS = f"crops of photographs that no arm was trained on ({', '.join(TEST)})"
SETS: Mapping[str, EvaluationSet] = {
    PGT: EvaluationSet(TITLES[PGT], "scenes that no arm was trained on, drawn as the recipe says", _held_out),
    SKILLS: EvaluationSet(TITLES[SKILLS], "what the small models were taught before", lambda recipe: skill_data()),
    "colors": EvaluationSet(
        "Other plain colors", f"{SAME} plain colors that are not near the gray", _over(PLAIN_COLORS)
    ),
    "textures": EvaluationSet(
        "Textures", f"{SAME} {', '.join(TEXTURES_UNSEEN.names)}: kinds that no pre-training had", _over(TEXTURES_UNSEEN)
    ),
    "photographs": EvaluationSet("Photographs", f"{SAME} {ON_PHOTOGRAPHS}", _over(PHOTOGRAPHS["test"])),
    POSITION: EvaluationSet(
        "Position, synthetic",
        "where one object lies: every color, shape, size and cell once, of kinds that no arm was trained on",
        lambda recipe: every_item(recipe, "test"),
    ),
    **{
        distractors(number): EvaluationSet(
            f"Position, {number} distractor{'s' * (number > 1)}",
            f"the same objects, {number} of other kinds beside each",
            partial(every_item, which="test", num_distractors=number),
        )
        for number in DISTRACTORS
    },
    POSITION_PHOTOGRAPHS: EvaluationSet(
        "Position, photographs",
        "where the one object of its kind lies in a photograph of COCO's validation split; for the small models, where "
        f"a drawn thing lies, alone or beside up to three others, on {ON_PHOTOGRAPHS}",
        lambda recipe: photographed(recipe, "test"),
    ),
    "things": EvaluationSet(
        "Things on photographs",
        f"where one thing lies to another, how many there are and which is nearest: cups, fish and {len(NAMES) - 2} "
        f"other kinds, drawn on {ON_PHOTOGRAPHS}",
        things_on_photographs,
    ),
}


def named_sets(names: Sequence[str], real: RealData | None = None) -> dict[str, EvaluationSet]:
    """Return the sets of these names, of which some are made of the `real` data of a comparison.

    Raises:
        InputError: one is not known.
    """
    known = {**SETS, **(_sets_of(real) if real else {})}
    for name in names:
        if name not in known:
            raise InputError(f"evaluation set {name!r}: unknown; known: {choices(known)}")
    return {name: known[name] for name in names}


def _sets_of(real: RealData) -> dict[str, EvaluationSet]:
    return {
        "overlaid": EvaluationSet(
            "PGT over held-out images", "a question of PGT alone, drawn over the images of the original questions",
            lambda recipe: asked_over(real.test),
        ),
        "originals": EvaluationSet(
            "Original questions", "held out of the real data, with their images: what may be forgotten",
            lambda recipe: real.test,
        ),
    }  # fmt: skip


def default_sets(recipe: Recipe) -> dict[str, EvaluationSet]:
    """Return the sets of a comparison that names none: held-out PGT and, where the recipe says so, the skills."""
    return named_sets([PGT, SKILLS] if recipe.kit.skills else [PGT])


def own_sets(eval_data: Sequence[Path]) -> dict[str, EvaluationSet]:
    """Return the user's own dataset directories as sets, by their names.

    Raises:
        InputError: one cannot be used, or two have the same name.
    """
    return {
        name: EvaluationSet(name, "", lambda recipe, path=path: path)  # type: ignore[misc]
        for name, path in given_sets(eval_data).items()
    }
