"""Counting right answers: accuracy, its interval, chance, and the share of outputs that state no answer."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean
from typing import Any

from pgt_lora.data.points import best_guess, is_near
from pgt_lora.data.sample import AnswerFormat
from pgt_lora.evaluation.numerals import floats
from pgt_lora.evaluation.reading import key

FEW = 20  # rows in which no answer is certainly the most frequent


def correct(parsed: str | None, answer: str, answer_format: str) -> bool:
    """Tell whether a parsed answer is right; points are right within 0.05 on both axes."""
    if parsed is None:
        return False
    if answer_format != AnswerFormat.POINT:
        return key(parsed, answer_format) == key(answer, answer_format)
    return is_near(floats(parsed), floats(answer))


def wilson(successes: float, total: int, z: float = 1.959964) -> tuple[float, float]:
    """Return Wilson's 95% score interval of a proportion (Wilson 1927; no better where there is nothing to count)."""
    if total == 0:
        return 0.0, 1.0
    p, zz = successes / total, z * z / total
    middle = (p + zz / 2) / (1 + zz)
    half = z / (1 + zz) * (p * (1 - p) / total + zz / (4 * total)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def chance(rows: Sequence[Mapping[str, Any]]) -> float:
    """Return the accuracy of guessing without the image, form by form: one over the choices, or the best constant.

    Of balanced answers one is the most frequent by accident. So beside choices, a constant counts by the lower end of
    its interval, corrected for the number of constants and forms, and not at all where there are few rows.
    """
    forms: dict[tuple[str, frozenset[str]], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        forms[row["answer_format"], frozenset(row["choices"] or ())].append(row)
    return sum(_guessed(each, len(forms)) for each in forms.values()) / len(rows)


def _guessed(rows: Sequence[Mapping[str, Any]], num_forms: int) -> float:
    """Return how many rows of one of several forms are guessed right."""
    if rows[0]["answer_format"] == AnswerFormat.POINT:
        return best_guess([floats(row["answer"]) for row in rows])
    constants = Counter(key(row["answer"], row["answer_format"]) for row in rows).values()
    if not rows[0]["choices"]:
        return max(constants)
    if len(rows) < FEW:
        return sum(1 / len(row["choices"]) for row in rows)
    least, _ = wilson(max(constants), len(rows), NormalDist().inv_cdf(1 - 0.025 / len(constants) / num_forms))
    return max(sum(1 / len(row["choices"]) for row in rows), least * len(rows))


@dataclass(frozen=True)
class Score:
    """Accuracy on one task: counts, the 95% interval, chance, and how many outputs stated no answer.

    `anls` and `f1` are the means over the answers in free text, None where there is none.
    """

    num_samples: int
    num_correct: int
    num_unparsed: int
    chance: float
    low: float
    high: float
    anls: float | None = None
    f1: float | None = None

    @property
    def accuracy(self) -> float:
        """The share of right answers; an output that states no answer is wrong."""
        return self.num_correct / self.num_samples

    @property
    def unread(self) -> float:
        """The share of outputs that state no answer in the form asked for."""
        return self.num_unparsed / self.num_samples


def score_by_task(rows: Iterable[Mapping[str, Any]], predictions: Iterable[Mapping[str, Any]]) -> dict[str, Score]:
    """Return the score of every task, in the order of their names."""
    tasks: dict[str, list[tuple[Mapping[str, Any], Mapping[str, Any]]]] = {}
    for row, prediction in zip(rows, predictions, strict=True):
        without_images = {name: row[name] for name in ("answer", "answer_format", "choices")}
        tasks.setdefault(row["task"], []).append((without_images, prediction))
    return {task: _score(pairs) for task, pairs in sorted(tasks.items())}


def _score(pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> Score:
    right = sum(prediction["correct"] for _, prediction in pairs)
    return Score(
        num_samples=len(pairs),
        num_correct=right,
        num_unparsed=sum(prediction["parsed"] is None for _, prediction in pairs),
        chance=chance([row for row, _ in pairs]),
        low=wilson(right, len(pairs))[0],
        high=wilson(right, len(pairs))[1],
        anls=_mean(pairs, "anls"),
        f1=_mean(pairs, "f1"),
    )


def _mean(pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], name: str) -> float | None:
    values = [prediction[name] for _, prediction in pairs if name in prediction]
    return fmean(values) if values else None
