"""Verdicts in words: what a model sees, what it sees and cannot say, and by what it is fooled.

Every rule asks where an interval lies, never where a value does; docs/diagnose.md states them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import shorten

from pgt_lora.core.html import p_value, percent
from pgt_lora.evaluation.statistics import LEVEL
from pgt_lora.studies.diagnose.shares import Favorite, Skill, Wording

# Of one wording.
SEEN = "above chance"
SILENT = "no usable answer"
FIXED = "always the same answer"
BLIND = "does not follow the image"
WRONG = "not above chance"
OPEN = "too few items to tell"

# Of a skill.
SEES = "sees it"
SEES_SOME = "sees some of it"
CANNOT_SAY = "sees more than it says"
ONLY_SILENT = "gives no usable answer"
ONLY_FIXED = "always answers the same"
ONLY_BLIND = "ignores the image"
NOT_SEEN = "does not see it"
UNDECIDED = "undecided"

MOSTLY_SILENT = 0.5
RARELY_SILENT = 0.05
MOSTLY_FIXED = 0.8
RARELY_CHANGED = 0.25
LEANING = 0.1


@dataclass(frozen=True)
class Verdict:
    """The verdict on one skill: the outcome of each wording, the answers that are fixed, and findings in words.

    `habits` are what the question alone does to the answers; `failures` are missing answers and worse than guesses.
    """

    task: str
    kind: str
    outcomes: Mapping[str, str]
    fixed: tuple[str, ...]
    failures: tuple[str, ...]
    habits: tuple[str, ...]


def judge(skill: Skill) -> Verdict:
    """Return the verdict on one skill."""
    outcomes = {wording.template: outcome(wording) for wording in skill.wordings}
    # The place among the options, where there are options, says more than the answer that stands there.
    fixed = [[each.label for each in wording.favorites if is_fixed(each)][-1:] for wording in skill.wordings]
    sayable = any(outcomes[each.template] == SILENT and each.said.low > each.chance for each in skill.wordings)
    return Verdict(
        task=skill.task,
        kind=_kind(set(outcomes.values()), sayable, skill.right.low > halfway(skill.chance)),
        outcomes=outcomes,
        fixed=tuple(sorted({label for each in fixed for label in each})),
        failures=tuple(note for wording in skill.wordings for note in _failures(wording)),
        habits=(*(note for wording in skill.wordings for note in _habits(wording)), *_dependences(skill)),
    )


def outcome(wording: Wording) -> str:
    """Return what the answers in one wording are; the first rule that holds counts."""
    if any(map(is_fixed, wording.favorites)):
        return FIXED
    if wording.right.low > wording.chance:
        return SEEN
    # Either nothing is to be learned from so few answers, or those that are given are right: the missing ones hide it.
    if wording.silent.low > MOSTLY_SILENT or wording.said.low > wording.chance:
        return SILENT
    if wording.pairs and wording.pairs.changed.high < RARELY_CHANGED:
        return BLIND
    return WRONG if wording.right.high < halfway(wording.chance) else OPEN


def halfway(chance: float) -> float:
    """Return the accuracy that is half of what guessing leaves to be gained."""
    return (1 + chance) / 2


def is_fixed(favorite: Favorite) -> bool:
    """Tell whether one answer, or one place among the options, is surely nearly all that is given, and not rightly."""
    return favorite.given.low > MOSTLY_FIXED and leans(favorite)


def leans(favorite: Favorite) -> bool:
    """Tell whether an answer, or a place, is surely given more often than it is right."""
    return favorite.given.low > favorite.expected + LEANING


def _kind(outcomes: set[str], sayable: bool, mostly_right: bool) -> str:
    if outcomes == {SEEN}:
        return SEES if mostly_right else SEES_SOME
    if SEEN in outcomes or sayable:
        return CANNOT_SAY
    if outcomes == {SILENT}:
        return ONLY_SILENT
    if outcomes == {FIXED}:
        return ONLY_FIXED
    if outcomes <= {FIXED, BLIND}:
        return ONLY_BLIND
    return UNDECIDED if OPEN in outcomes else NOT_SEEN


def _failures(wording: Wording) -> Iterator[str]:
    if wording.silent.low > RARELY_SILENT:
        said = f"; {percent(wording.said.value)}% of the rest is right" if wording.said.total else ""
        instead = repr(shorten(wording.instead or "", 60))
        silent = f"unread in {percent(wording.silent.value)}%, most often {instead}"
        yield f"template {wording.template}: {silent}{said}"
    if wording.said.total and wording.said.high < wording.chance:
        yield f"template {wording.template}: the answers given are worse than guesses"


def _habits(wording: Wording) -> Iterator[str]:
    where = f"template {wording.template}: "
    if fixed := [each.label for each in wording.favorites if is_fixed(each)]:
        yield f"{where}always {' = '.join(fixed)}"
    else:
        # Where the options always stand in one order, the place says the same as the answer.
        for each in {each.given: each for each in wording.favorites if leans(each)}.values():
            given, expected = percent(each.given.value), percent(each.expected)
            yield f"{where}leans to {each.label}: {given}% of the answers, right in {expected}%"
    if wording.pairs and wording.pairs.changed.high < RARELY_CHANGED:
        changed = percent(wording.pairs.changed.value)
        yield f"{where}the same question of another image changes {changed}% of the answers"


def _dependences(skill: Skill) -> Iterator[str]:
    for pair in skill.agreements:
        if pair.p is not None and pair.p <= LEVEL:
            one, other = pair.templates
            yield (
                f"depends on the wording: of {pair.agree.total} images, {one} alone gets {pair.first} right, "
                f"{other} alone {pair.second} (p {p_value(pair.p)})"
            )


def headline(verdicts: Sequence[Verdict], sees: Mapping[str, str]) -> list[str]:
    """Return what all verdicts say together; `sees` names what each task's images must be read for."""
    kinds = {verdict.kind for verdict in verdicts}
    if kinds == {ONLY_FIXED}:
        return [f"Always gives the same answer, whatever is shown: {_fixed(verdicts)}."]
    if kinds <= {ONLY_FIXED, ONLY_BLIND}:
        return ["Ignores the image: the answers follow the question alone."]
    lines = []
    by_sense: dict[str, list[str]] = {}
    for verdict in verdicts:
        if sense := sees.get(verdict.task):
            by_sense.setdefault(sense, []).append(verdict.kind)
    seen = [each for each, found in by_sense.items() if set(found) <= {SEES, SEES_SOME, CANNOT_SAY}]
    unseen = [each for each, found in by_sense.items() if set(found) <= {ONLY_FIXED, ONLY_BLIND, NOT_SEEN}]
    if seen and unseen and len(seen) + len(unseen) == len(by_sense):
        lines.append(f"Sees {' and '.join(seen)} alone, and no {' or '.join(unseen)}.")
    for kind in (SEES, SEES_SOME, CANNOT_SAY, ONLY_SILENT, ONLY_FIXED, ONLY_BLIND, NOT_SEEN, UNDECIDED):
        tasks = [verdict.task for verdict in verdicts if verdict.kind == kind]
        if tasks:
            lines.append(f"{kind[0].upper()}{kind[1:]}: {', '.join(tasks)}.")
    if fooled := [verdict.task for verdict in verdicts if verdict.habits]:
        lines.append(f"Fooled by the question: {', '.join(fooled)}.")
    return lines


def _fixed(verdicts: Sequence[Verdict]) -> str:
    by_label: dict[str, list[str]] = {}
    for verdict in verdicts:
        by_label.setdefault(" or ".join(verdict.fixed), []).append(verdict.task)
    return "; ".join(f"{label} ({', '.join(tasks)})" for label, tasks in by_label.items())
