"""Where states are read: at which tokens of a row, and behind which part of a model."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pgt_lora.core.errors import InputError, choices
from pgt_lora.data.scene import Box, Circle, Figure, Region, Scene
from pgt_lora.data.turns import question
from pgt_lora.data.weights import tasks
from pgt_lora.models.checkpoint import family_of, read_config
from pgt_lora.models.encoding import Encoder
from pgt_lora.models.families.family import Family
from pgt_lora.models.image_grid import Area

TOWER, PROJECTOR = "tower", "projector"  # points before the first layer, beside the layers' numbers


class Site(StrEnum):
    """At which tokens states are read."""

    QUESTION = "question"  # the last token of the question's text, as in arXiv 2511.11440
    ANSWER = "answer"  # the last token of the prompt, which the answer is written behind
    IMAGE = "image"  # all tokens of the image, averaged
    OBJECTS = "objects"  # those under the objects that are asked about, averaged for each, one object behind the other


OF_IMAGE = (Site.IMAGE, Site.OBJECTS)  # before the question is read; the tower and the projector have these alone


@dataclass(frozen=True)
class Asked:
    """One reading: the row whose question is asked, the row whose image is shown, and the areas that are looked at."""

    row: int
    image: int
    areas: tuple[Area, ...] = ()


@dataclass(frozen=True)
class Probing:
    """Which layers are probed, as they are named, and at which tokens."""

    layers: str
    sites: Sequence[Site]


def parse_layers(text: str, number: int) -> list[int]:
    """Return the layers that `all`, `every:4` or `0,8,16` names, of a model with that many.

    Raises:
        InputError: it names none, or one that the model does not have.
    """
    if text == "all":
        return list(range(number))
    if step := re.fullmatch(r"every:([1-9]\d*)", text):
        return sorted({*range(0, number, int(step[1])), number - 1})
    if not re.fullmatch(r"\d+(,\d+)*", text):
        raise InputError(f"--layers {text!r}: give all, every:4 or layers such as 0,8,16")
    layers = sorted({int(each) for each in text.split(",")})
    if layers[-1] >= number:
        raise InputError(f"--layers {text}: the language model has the layers 0 to {number - 1}")
    return layers


def parse_sites(text: str | None) -> list[Site]:
    """Return the sites that a list names, in their order, or all; raise `InputError` for anything else."""
    named = list(Site) if text is None else text.split(",")
    if unknown := [name for name in named if name not in list(Site)]:
        raise InputError(f"--at {text}: unknown {unknown[0]!r}; known: {choices(Site)}")
    return [site for site in Site if site in named]


def check_probing(base: str, revision: str | None, probing: Probing) -> None:
    """Check, before anything is answered, that a checkpoint has the layers, and that its family has the sites.

    Raises:
        InputError: it has not.
    """
    parse_layers(probing.layers, read_config(base, revision).get_text_config().num_hidden_layers)
    check_sites(family_of(base, revision), probing.sites)


def check_sites(family: Family, sites: Sequence[Site]) -> None:
    """Check that it is known of a family where the sites lie, and raise `InputError` where it is not."""
    if Site.OBJECTS in sites and family.whole_view is None:
        raise InputError(f"{family.name}: its image token layout is not known; leave out objects")


def areas_of(row: Mapping[str, Any]) -> tuple[Area, ...]:
    """Return where the objects that a row asks about lie, in the question's order; nothing where no scene tells."""
    task = tasks().get(row["task"])
    if not (task and task.traits and row["scene"]):
        return ()
    scene = Scene.from_json(row["scene"])
    canvas = scene.canvas
    middles = task.traits(scene, question(row)).places
    primitives: list[Box | Circle | Figure | Region] = [*scene.boxes, *scene.circles, *scene.figures, *scene.regions]
    by_middle = {canvas.place(each): each for each in primitives}
    return tuple(_area(by_middle[middle], canvas.width, canvas.height) for middle in middles)


def _area(primitive: Box | Circle | Figure | Region, width: int, height: int) -> Area:
    sides: Area
    if isinstance(primitive, Circle):
        x, y, reach = primitive.x, primitive.y, primitive.radius
        sides = x - reach, y - reach, x + reach, y + reach
    elif isinstance(primitive, Box):
        sides = primitive.left, primitive.top, primitive.right + 1, primitive.bottom + 1
    else:
        across, down = (
            (primitive.side, primitive.side) if isinstance(primitive, Figure) else (primitive.width, primitive.height)
        )
        sides = primitive.left, primitive.top, primitive.left + across, primitive.top + down
    return sides[0] / width, sides[1] / height, sides[2] / width, sides[3] / height


def tokens_after_question(encoder: Encoder, row: Mapping[str, Any]) -> int:
    """Return how many tokens of a row's prompt stand behind the last one of its question.

    Raises:
        InputError: the template does not hold the question's text, or shows an image behind it.
    """
    processor: Any = encoder.processor
    prompt, asked = encoder.prompt_text(row), question(row).strip()
    start = prompt.rfind(asked)
    end = start + len(asked)
    if start < 0 or processor.image_token in prompt[end:]:
        raise InputError(f"row {row['id']}: its prompt does not end in its question; leave out --at question")
    tokens = processor.tokenizer(
        prompt, add_special_tokens=encoder.adds_special_tokens(prompt), return_offsets_mapping=True
    )
    return sum(first >= end for first, last in tokens["offset_mapping"] if last > first)


def slots(asked: Sequence[Asked]) -> int:
    """Return how many objects' states are kept for a row: those of the row that asks about the most."""
    return max((len(each.areas) for each in asked), default=0)
