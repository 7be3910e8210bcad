"""What a model's answers say of what it sees: accuracy by wording, missing answers, fixed answers, and paired items.

Two kinds of pairs are found in the rows themselves. Rows of one `group` are of one image: they differ in the wording.
Rows of one text with different answers ask one question of two images. An image that is asked about in several
wordings counts once: its answers are averaged, so that an interval does not take them for independent.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import isclose
from typing import Any

from pgt_lora.data.sample import AnswerFormat
from pgt_lora.evaluation.scoring import chance
from pgt_lora.evaluation.statistics import holm, mcnemar
from pgt_lora.studies.diagnose.shares import Agreement, Favorite, Pairs, Share, Skill, Wording

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Item:
    """A row of the dataset, without images, and the prediction for it."""

    row: Row
    made: Row


def diagnose(items: Sequence[Item]) -> list[Skill]:
    """Return the figures of every task, in the order of their names."""
    by_task = group_by(items, [item.row["task"] for item in items])
    skills = [_skill(task, by_task[task]) for task in sorted(by_task)]
    tested = [pair.p for skill in skills for pair in skill.agreements if pair.p is not None]
    corrected = iter(holm(tested))
    return [
        replace(
            skill,
            agreements=tuple(
                replace(pair, p=next(corrected)) if pair.p is not None else pair for pair in skill.agreements
            ),
        )
        for skill in skills
    ]


def _skill(task: str, items: Sequence[Item]) -> Skill:
    by_template = group_by(items, [item.row["template"] for item in items])
    wordings = {template: _wording(template, by_template[template]) for template in sorted(by_template)}
    return Skill(
        task=task,
        chance=chance([item.row for item in items]),
        right=accuracy(items),
        wordings=tuple(wordings.values()),
        agreements=tuple(_agreements(items, {name: wording.chance for name, wording in wordings.items()})),
    )


def group_by(items: Iterable[Item], keys: Iterable[Hashable]) -> dict[Any, list[Item]]:
    """Return the items by their keys, in the order in which the keys first come."""
    groups: dict[Any, list[Item]] = defaultdict(list)
    for item, key in zip(items, keys, strict=True):
        groups[key].append(item)
    return dict(groups)


def share(values: Iterable[bool], units: Iterable[Hashable]) -> Share:
    """Return the share of true values, where the values of one unit (an image, a pair of images) count as one."""
    by_unit: dict[Hashable, list[bool]] = defaultdict(list)
    for value, unit in zip(values, units, strict=True):
        by_unit[unit].append(value)
    return Share(sum(sum(each) / len(each) for each in by_unit.values()), len(by_unit))


def accuracy(items: Sequence[Item]) -> Share:
    """Return the share of right answers, an image counted once."""
    return share((item.made["correct"] for item in items), (item.row["group"] for item in items))


def _wording(template: str, items: Sequence[Item]) -> Wording:
    said = [item for item in items if item.made["parsed"] is not None]
    unsaid = Counter(item.made["output"] for item in items if item.made["parsed"] is None)
    return Wording(
        template=template,
        chance=chance([item.row for item in items]),
        right=accuracy(items),
        silent=share((item.made["parsed"] is None for item in items), (item.row["group"] for item in items)),
        said=accuracy(said),
        instead=unsaid.most_common(1)[0][0] if unsaid else None,
        favorites=tuple(_favorites(items, said)),
        pairs=_pairs(items),
    )


def _favorites(items: Sequence[Item], said: Sequence[Item]) -> Iterable[Favorite]:
    """Yield the answer that is given most and, where options are offered, the place that is chosen most."""
    if not said:
        return
    counts = Counter(item.made["parsed"] for item in said)
    label, _ = counts.most_common(1)[0]
    given = share((item.made["parsed"] == label for item in said), (item.row["group"] for item in said))
    yield Favorite(label, given, sum(item.row["answer"] == label for item in items) / len(items))
    if all(item.row["choices"] and item.row["answer_format"] != AnswerFormat.NUMBER for item in items):
        chosen = [_place(item, item.made["parsed"]) for item in said]
        place, _ = Counter(chosen).most_common(1)[0]
        given = share((each == place for each in chosen), (item.row["group"] for item in said))
        expected = sum(_place(item, item.row["answer"]) == place for item in items) / len(items)
        ordinal = ORDINALS[place] if place < len(ORDINALS) else f"{place + 1}th"
        yield Favorite(f"the {ordinal} option", given, expected)


def _place(item: Item, answer: str) -> int:
    places = [choice.casefold() for choice in item.row["choices"]]
    return places.index(answer.casefold())


def _pairs(items: Sequence[Item]) -> Pairs | None:
    """Pair the items of one text, the first with the second and so on, where their answers differ.

    What was said before a question is part of its text.
    """
    found = []
    texts = [(*item.made.get("before", ()), item.made["question"]) for item in items]
    for same in group_by(items, texts).values():
        found += [(a, b) for a, b in zip(same[::2], same[1::2], strict=False) if a.row["answer"] != b.row["answer"]]
    said = [pair for pair in found if all(item.made["parsed"] is not None for item in pair)]
    if not found:
        return None
    return Pairs(
        changed=share((a.made["parsed"] != b.made["parsed"] for a, b in said), map(_images, said)),
        both_right=share((a.made["correct"] and b.made["correct"] for a, b in found), map(_images, found)),
    )


def _images(pair: tuple[Item, Item]) -> tuple[str, str]:
    return pair[0].row["group"], pair[1].row["group"]


def _agreements(items: Sequence[Item], chances: Mapping[str, float]) -> Iterable[Agreement]:
    """Yield how two wordings agree on the images that are asked about in both; p is not yet corrected."""
    counts: dict[tuple[str, str], Counter[tuple[bool, bool]]] = defaultdict(Counter)
    for same in group_by(items, [item.row["group"] for item in items]).values():
        for one, other in combinations(same, 2):
            counts[one.row["template"], other.row["template"]][one.made["correct"], other.made["correct"]] += 1
    for templates, each in sorted(counts.items()):
        first, second = each[True, False], each[False, True]
        p = mcnemar(first, second) if isclose(*(chances[template] for template in templates)) else None
        yield Agreement(templates, each[True, True], first, second, each[False, False], p)
