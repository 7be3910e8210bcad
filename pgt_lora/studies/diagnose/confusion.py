"""Confusion matrices: which answers are given where which are right."""

from collections import Counter
from dataclasses import dataclass

from pgt_lora.data.sample import AnswerFormat, parse_point
from pgt_lora.data.tasks.absolute_position import AREAS, area_of
from pgt_lora.evaluation.paired import Result

MAX_LABELS = 12
OTHER, NONE = "other", "unread"


@dataclass(frozen=True)
class Matrix:
    """How often which answer was given (`columns`) where which was right (`rows`), over all seeds of an arm."""

    arm: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


def confusion(result: Result, task: str) -> list[Matrix]:
    """Return one matrix per arm. Points count by the ninth of the image that they lie in."""
    right = Counter(_label(row["answer"], row["answer_format"]) for row in result.items.rows if row["task"] == task)
    kept = sorted((label for label, _ in right.most_common(MAX_LABELS)), key=_natural)
    spelling = {label.casefold(): label for label in kept}
    matrices = []
    for arm, seeds in result.predictions.items():
        counts: Counter[tuple[str, str]] = Counter()
        for predictions in seeds:
            for row, made in zip(result.items.rows, predictions, strict=True):
                if row["task"] == task:
                    given = NONE if made["parsed"] is None else _label(made["parsed"], row["answer_format"])
                    expected = spelling.get(_label(row["answer"], row["answer_format"]).casefold(), OTHER)
                    counts[expected, given if given == NONE else spelling.get(given.casefold(), OTHER)] += 1
        rows = [*kept, OTHER] if len(right) > len(kept) else kept
        answered = [*kept, OTHER] if any(given == OTHER for _, given in counts) else kept
        columns = (*answered, NONE)
        matrices.append(
            Matrix(arm, tuple(rows), columns, tuple(tuple(counts[row, each] for each in columns) for row in rows))
        )
    return matrices


def _label(answer: str, answer_format: str) -> str:
    if answer_format != AnswerFormat.POINT:
        return answer
    point = parse_point(answer)
    return area_of(*point) if point else "outside"


def _natural(label: str) -> tuple[int, str]:
    if label in AREAS:
        return AREAS.index(label), label
    return (int(label), "") if label.isdecimal() else (10**9, label)
