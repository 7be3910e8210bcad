"""Reading an answer out of what a model wrote, and counting."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pgt_lora.data.sample import AnswerFormat

COORDINATE_TOLERANCE = 0.05  # on each axis, in fractions of the image

_NUMBER_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip


def parse(output: str, answer_format: str, choices: Sequence[str] | None = None) -> str | None:
    """Return the answer that `output` states in the format asked for, or None where it states none or several."""
    return _PARSERS[answer_format](output.strip(), choices)


def correct(parsed: str | None, answer: str, answer_format: str) -> bool:
    """Tell whether a parsed answer is right; points are right within 0.05 on both axes."""
    if parsed is None:
        return False
    if answer_format != AnswerFormat.POINT:
        return parsed.casefold() == answer.casefold()
    pairs = zip(_floats(parsed), _floats(answer), strict=True)
    # Two decimals: the sum of a hundred-thousandth keeps 0.30 - 0.25 inside 0.05.
    return all(abs(a - b) <= COORDINATE_TOLERANCE + 1e-5 for a, b in pairs)


def _word(output: str, choices: Sequence[str] | None) -> str | None:
    spelling = {_plain(choice): choice for choice in choices or ()}
    # The longest first, so that "top center" does not state "center", too.
    pattern = "|".join(map(re.escape, sorted(spelling, key=len, reverse=True)))
    found = set(re.findall(rf"\b(?:{pattern})\b", _plain(output))) & set(spelling)
    return spelling[found.pop()] if len(found) == 1 else None


def _plain(text: str) -> str:
    return re.sub(r"[\s-]+", " ", text.casefold())


def _letter(output: str, choices: Sequence[str] | None) -> str | None:
    # "(B)", "B.", "b) left", "B" alone, "The answer is B"; but not the article in "A red circle".
    opening = re.match(r"\(?([A-Za-z])(?:[).:,]|\s*$)", output)
    stated = re.findall(r"\b(?:answer|option|letter|choice)(?:\s+is)?:?\s+\(?([A-Z])\b", output, re.IGNORECASE)
    found = {opening[1].upper()} if opening else {letter.upper() for letter in stated}
    if len(found) != 1:
        return None
    letter = found.pop()
    return letter if choices is None or letter in choices else None


def _number(output: str, choices: Sequence[str] | None) -> str | None:
    words = re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w])|[a-z]+", output.lower())
    numbers = [str(_NUMBER_WORDS.index(word)) if word in _NUMBER_WORDS else word for word in words]
    found = {number for number in numbers if re.fullmatch(r"-?\d+(\.\d+)?", number)}
    return found.pop() if len(found) == 1 else None


def _true_false(output: str, choices: Sequence[str] | None) -> str | None:
    words = {"true": "True", "yes": "True", "false": "False", "no": "False"}
    found = {words[word] for word in re.findall(r"[a-z]+", output.lower()) if word in words}
    return found.pop() if len(found) == 1 else None


def _point(output: str, choices: Sequence[str] | None) -> str | None:
    numbers = _floats(output)
    return f"({numbers[0]:g}, {numbers[1]:g})" if len(numbers) == 2 else None


def _floats(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d*\.?\d+", text)]


_PARSERS: dict[str, Callable[[str, Sequence[str] | None], str | None]] = {
    "word": _word,
    "letter": _letter,
    "number": _number,
    "true_false": _true_false,
    "point": _point,
}


def wilson(successes: float, total: int, z: float = 1.959964) -> tuple[float, float]:
    """Return Wilson's 95% score interval of a proportion (Wilson 1927; no better where there is nothing to count)."""
    if total == 0:
        return 0.0, 1.0
    p, zz = successes / total, z * z / total
    middle = (p + zz / 2) / (1 + zz)
    half = z / (1 + zz) * (p * (1 - p) / total + zz / (4 * total)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def chance(rows: Sequence[Mapping[str, Any]]) -> float:
    """Return the accuracy of guessing without the image: one over the choices, or the best constant answer."""
    if all(row["choices"] for row in rows):
        return sum(1 / len(row["choices"]) for row in rows) / len(rows)
    answers = [(row["answer"], row["answer_format"]) for row in rows]
    hits = (sum(correct(guess, *each) for each in answers) for guess in {answer for answer, _ in answers})
    return max(hits) / len(rows)


@dataclass(frozen=True)
class Score:
    """Accuracy on one task: counts, the 95% interval, chance, and how many outputs stated no answer."""

    num_samples: int
    num_correct: int
    num_unparsed: int
    chance: float
    low: float
    high: float

    @property
    def accuracy(self) -> float:
        """The share of right answers; an output that states no answer is wrong."""
        return self.num_correct / self.num_samples


def score_by_task(rows: Iterable[Mapping[str, Any]], predictions: Iterable[Mapping[str, Any]]) -> dict[str, Score]:
    """Return the score of every task, in the order of their names."""
    tasks: dict[str, list[tuple[Mapping[str, Any], Mapping[str, Any]]]] = {}
    for row, prediction in zip(rows, predictions, strict=True):
        tasks.setdefault(row["task"], []).append((row, prediction))
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
    )
