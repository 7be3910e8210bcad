"""Where an answer stands, in words, by stated rules; docs/diagnose.md states them, too."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pgt_lora.core.html import percent
from pgt_lora.studies.diagnose.layers.layers import Figure, LayerProbes
from pgt_lora.studies.diagnose.layers.problems import Split
from pgt_lora.studies.diagnose.layers.sites import OF_IMAGE, PROJECTOR, TOWER, Site


class Standing(StrEnum):
    """Where an answer stands; the first that holds."""

    SAID = "there, and said"
    NOT_SAID = "there, but not said"
    NOT_AT_ANSWER = "in the image's tokens, but never at the answer"
    NOT_BEHIND_PROJECTOR = "in the tower, but not behind the projector"
    NOWHERE = "nowhere"


@dataclass(frozen=True)
class Verdict:
    """Where the answers of one model to one template of a task stand, with the figures that say so, in words."""

    model: str
    task: str
    template: str
    standing: Standing
    words: str
    notes: tuple[str, ...]


def verdicts(probes: LayerProbes) -> list[Verdict]:
    """Return the verdicts of all models, task by task."""
    asked = dict.fromkeys((each.task, each.template) for each in probes.figures)
    return [_verdict(probes, model, *key) for key in asked for model in probes.models]


def _verdict(probes: LayerProbes, model: str, task: str, template: str) -> Verdict:
    figures = [
        each for each in probes.figures
        if (each.model, each.task, each.template) == (model, task, template)
        and each.split == strictest(probes, task)
    ]  # fmt: skip
    own = probes.own[model, task, template]
    at_answer = [each for each in figures if each.site not in OF_IMAGE and each.stands]
    in_image = [each for each in figures if each.site in OF_IMAGE and each.stands]
    behind_tower = [each for each in in_image if each.point != TOWER]
    said = own.low > max((each.chance for each in figures), default=0)
    notes = [*_places(behind_tower), *_bad_controls(figures)]
    answered = f"its answers are right in {percent(own.value)}%"
    if at_answer:
        best = max(at_answer, key=lambda each: each.right.value)
        words = f"{told(at_answer[0])}, {told(best)} at best; {answered}"
        return Verdict(model, task, template, Standing.SAID if said else Standing.NOT_SAID, words, tuple(notes))
    if said:
        notes.append(f"{answered}, though no linear probe finds them at the answer")
    if behind_tower:
        best = max(behind_tower, key=lambda each: each.right.value)
        return Verdict(model, task, template, Standing.NOT_AT_ANSWER, f"{told(best)} at best", tuple(notes))
    if in_image:
        return Verdict(model, task, template, Standing.NOT_BEHIND_PROJECTOR, told(in_image[0]), tuple(notes))
    return Verdict(model, task, template, Standing.NOWHERE, "no linear probe finds it", tuple(notes))


def strictest(probes: LayerProbes, task: str) -> Split:
    """Return the split that the verdicts on a task go by: by cell, where there is one."""
    by_cell = any((each.task, each.split) == (task, Split.CELL) for each in probes.figures)
    return Split.CELL if by_cell else Split.IMAGE


def told(figure: Figure) -> str:
    """Say what a figure finds, and where."""
    names = {TOWER: "behind the tower", PROJECTOR: "behind the projector"}
    where = names.get(figure.point, f"behind layer {figure.point}")
    sites = {
        Site.QUESTION: "at the question's last token",
        Site.ANSWER: "where the answer begins",
        Site.IMAGE: "in the image's tokens",
        Site.OBJECTS: "at the objects' tokens",
    }
    return f"{percent(figure.right.value)}% {where} {sites[figure.site]} (chance {percent(figure.chance)})"


def _places(figures: Sequence[Figure]) -> list[str]:
    """Say where the objects' tokens tell no more than the same tokens of another image do."""
    of_objects = [each for each in figures if each.elsewhere]
    same = [each for each in of_objects if each.elsewhere and each.right.low <= each.elsewhere.high]
    if not same or max(each.elsewhere.low - each.chance for each in same if each.elsewhere) <= 0:
        return []
    best = max(same, key=lambda each: each.right.value)
    assert best.elsewhere
    alike = percent(best.elsewhere.value)
    return [f"{told(best)} is the place of the tokens: the same tokens of another image give {alike}%"]


def _bad_controls(figures: Sequence[Figure]) -> list[str]:
    """Name the controls that surely lie above chance: where they do, a probe reads something else than the image."""
    return [
        f"control above chance: {name} {percent(control.value)}%, {told(each)}"
        for each in figures
        for name, control in (("shuffled answers", each.shuffled), ("another image", each.swapped))
        if control.low > each.chance
    ]
