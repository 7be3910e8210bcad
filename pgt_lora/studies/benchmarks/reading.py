"""What lmms-eval logs of an item, read into one form. The functions end in what `Benchmark.read` names.

lmms-eval's own verdict is kept, but for POPE: there it compares the whole output with "yes" or "no", so that "Yes."
counts as wrong (its `tasks/pope/utils.py`, version 0.7.3).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.evaluation.reading import parse
from pgt_lora.evaluation.scoring import correct

Logged = Mapping[str, Any]
OPTIONAL = ("probabilities", "boxes", "anls", "f1")  # are left out where there are none


@dataclass(frozen=True)
class Item:
    """One question with what was answered, and what the rules need to know of it.

    `id`, `task`, `question`, `expected`, `output`, `parsed` and `correct` are those of the kit's own predictions.
    `category` is the benchmark's own name for a part of itself. `choices` is None where the answers are no finite set.
    `group` names the image; lmms-eval logs none, so that outside of this project's tasks every item is its own group.
    `by` says what decided the answer, `probabilities` are those of the choices, and `boxes` are those of the objects
    that the choices name, as left, top, width and height, where they are known. `anls` and `f1` are those of free text.
    """

    id: str
    task: str
    question: str
    expected: str
    output: str
    parsed: str | None
    correct: bool
    category: str
    group: str
    answer_format: str
    choices: tuple[str, ...] | None
    by: str = "generation"
    probabilities: Mapping[str, float] | None = None
    boxes: Mapping[str, tuple[float, float, float, float]] | None = None
    anls: float | None = None
    f1: float | None = None

    def to_prediction(self) -> dict[str, Any]:
        """Return the item as a line of `predictions.jsonl`."""
        return {name: value for name, value in asdict(self).items() if value is not None or name not in OPTIONAL}


def from_prediction(line: Mapping[str, Any]) -> Item:
    """Return the item that `to_prediction` wrote."""
    choices = line["choices"]
    return Item(**{**line, "choices": tuple(choices) if choices else None})


Reader = Callable[[str, Logged], Item]


def output_of(logged: Logged) -> str:
    """Return the text that the model wrote, before any filter of the task."""
    text = logged.get("resps", logged["filtered_resps"])
    while isinstance(text, list) and text:
        text = text[0]
    return str(text)


def kit(task: str, logged: Logged) -> Item:
    """Read an item of this project's own tasks, which log everything."""
    fields = dict(logged["item"])
    choices = fields.pop("choices")
    return Item(
        task=task,
        question=logged["input"],
        output=output_of(logged),
        choices=tuple(choices) if choices else None,
        category=fields.pop("task"),
        **fields,
    )


def verdict(metric: str, expected: str, parsed: str, category: str = "") -> Reader:
    """Return the reader of a task that logs a dictionary with its verdict under `is_correct`.

    `category` is the key of the category; without one, the task is the category.
    """

    def read(task: str, logged: Logged) -> Item:
        found = logged[metric]
        part = found[category] if category else task
        return _item(task, logged, str(found[expected]), str(found[parsed]) or None, bool(found["is_correct"]), part)

    return read


def exact(task: str, logged: Logged) -> Item:
    """Read an item that lmms-eval scores 0 or 1 and logs nothing else of."""
    output = output_of(logged)
    right = bool(logged["exact_match"])
    listed = _letters(logged["input"])
    answer_format = "letter" if listed else "word"
    return _item(task, logged, logged["target"], output.strip() or None, right, "", listed, answer_format)


def mmstar(task: str, logged: Logged) -> Item:
    """Read an item of MMStar; its `l2_category` is the category that is averaged over."""
    found = logged["average"]
    output = output_of(logged)
    return _item(task, logged, logged["target"], output.strip() or None, bool(found["score"]), found["l2_category"])


def pope(task: str, logged: Logged) -> Item:
    """Read an item of POPE: an output that states yes or no, and not both, is one, whatever stands around it."""
    output, expected = output_of(logged), logged["target"].strip().lower()
    stated = parse(output, "true_false")
    parsed = {"True": "yes", "False": "no"}[stated] if stated else None
    return _item(task, logged, expected, parsed, correct(parsed, expected, "word"), "", ("yes", "no"), "word")


def seed(task: str, logged: Logged) -> Item:
    """Read an item of SEED-Bench, from this project's task, which logs the kind of question."""
    found = logged["seed"]
    right = found["pred"].strip().lower() == found["answer"].strip().lower()
    return _item(task, logged, found["answer"], found["pred"] or None, right, found["category"])


def mmvp_pairs(items: Sequence[Item], logged: Sequence[Logged]) -> list[Item]:
    """Join the two questions of each pair of MMVP: right where both are.

    Raises:
        InputError: a pair is not whole; a `--limit` cut it.
    """
    pairs: dict[int, list[Item]] = {}
    for item, each in zip(items, logged, strict=True):
        pairs.setdefault(int(each["mmvp_pair_accuracy"]["pair_index"]), []).append(item)
    return [_pair(index, both) for index, both in sorted(pairs.items())]


def _pair(index: int, both: Sequence[Item]) -> Item:
    if len(both) != 2:
        raise InputError(f"mmvp: pair {index} has {len(both)} of its 2 questions; give an even --limit")
    known = [item.parsed for item in both if item.parsed]
    letters = "AB"
    return Item(
        id=f"mmvp-pair-{index}",
        task="mmvp",
        question=" | ".join(item.question for item in both),
        expected=" ".join(item.expected for item in both),
        output=" | ".join(item.output for item in both),
        parsed=" ".join(known) if len(known) == 2 else None,
        correct=all(item.correct for item in both),
        category="",
        group=f"mmvp-pair-{index}",
        answer_format="word",
        choices=tuple(f"{one} {other}" for one in letters for other in letters),
    )


def _item(
    task: str, logged: Logged, expected: str, parsed: str | None, right: bool, category: str = "",
    choices: tuple[str, ...] | None = (), answer_format: str = "letter",
) -> Item:  # fmt: skip
    name = f"{task}-{logged['doc_id']}"
    if choices == ():
        choices = _letters(logged["input"])
    output = output_of(logged)
    return Item(
        name, task, logged["input"], expected, output, parsed, right, str(category), name, answer_format, choices
    )


def _letters(question: str) -> tuple[str, ...] | None:
    """Return the letters of the options that a question lists at the beginning of lines or in brackets."""
    found = re.findall(r"(?:^|\s)\(?([A-Z])[.)]\s", question)
    letters = tuple(letter for letter in "ABCDEFGH" if letter in found)
    return letters if letters and len(letters) > 1 else None
