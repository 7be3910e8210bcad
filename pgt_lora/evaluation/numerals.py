"""Numbers and points in what a model wrote: digits and words, decimals with a point or a comma, percentages."""

import re
from decimal import Decimal
from math import isfinite

from pgt_lora.evaluation.prose import NO_ANSWER, denied, final

ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS = {word: value for value, word in enumerate(ONES)} | {word: 10 * n for n, word in enumerate(_TENS, 2)}
_COMPOUND = re.compile(rf"\b({'|'.join(_TENS)})[\s-]({'|'.join(ONES[1:10])})\b")
_SCALE = re.compile(r"\b(?:hundreds?|thousands?|millions?|billions?|dozens?)\b")
_PRONOUN = re.compile(r"\b(?:the|this|that|each|which|every|no|any|another|other)\s+one\b|\bone\s+of\b")
_BOUND = re.compile(r"\b(?:(?:more|less|fewer|greater|other)\s+than|at\s+(?:least|most)|up\s+to|over|under)\s+$")
_BOUND_BEHIND = re.compile(r"\s*\+(?!\s*\d)|\s+or\s+(?:more|fewer|less)\b")
_NO_OF = rf"no\s+(?!(?:[a-z]+\s+){{0,3}}{NO_ANSWER}|(?:more|fewer|less|others?|such)\b)[a-z]+(?:\s+[a-z]+){{0,3}}"
_ZERO = re.compile(
    rf"\bthere(?:\s+(?:is|are|was|were)|'s)\s+(?:none\b|not\s+any\b|{_NO_OF})"
    rf"|\b(?:is|are)n't\s+any\b|(?:\bnot|n't)\s+a\s+single\b|^\W*(?:none|{_NO_OF})\W*$"
)
_ONLY = re.compile(r"[^.!?;,]{0,100},\s*(?:only|but|just)\b")
_SINGLE = re.compile(r"\ba\s+single\b")
_ANNOUNCED = re.compile(r"\bthere\s+(?:is|are)\b[^.:]*(?=:)")

_THOUSANDS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?"
_DECIMAL = r"\d+(?:\.\d+)?|\.\d+"
_COMMA_DECIMAL = r"0,\d+(?!,?\d)"  # "0,62" is no list without a space; "3,4" may be one
_NUMBER = re.compile(rf"(?<![a-z\d_.])(?<!\d,)-?(?:{_COMMA_DECIMAL}|{_THOUSANDS}|{_DECIMAL})(?![a-z\d_]|,\d)|[a-z]+")

_COORDINATE = re.compile(r"(?<!\d)-?\d*\.?\d+\s*%?|\d*\.?\d+\s*%?")
_COMMA_COORDINATE = re.compile(r"\d*,\d+\s*%?")
_PAIR = re.compile(r"[(\[]\s*(-?\d*\.?\d+\s*%?)\s*[,;\s]\s*(-?\d*\.?\d+\s*%?)\s*[)\]]")
_Y_FIRST = re.compile(r"\by\s*[:=].*\bx\s*[:=]", re.IGNORECASE | re.DOTALL)


def number(text: str) -> str | None:
    """Return the one number that a text states, in its shortest form; None where it states none or several."""
    text = text.lower()
    announced = _ANNOUNCED.search(text)
    for part in (final(text), _behind_equals(text), text, announced and announced[0]):
        if part is not None and len(values := _values(part)) == 1:
            return values.pop()
    return None


def canonical(numeral: str) -> str:
    """Return a numeral in its shortest form: "3.0" and "03" are "3", "1,000" is "1000", "0,62" is "0.62"."""
    comma = re.fullmatch(rf"-?{_COMMA_DECIMAL}", numeral)
    whole, _, fraction = numeral.replace(",", "." if comma else "").lstrip("-").partition(".")
    value = ".".join(filter(None, (whole.lstrip("0") or "0", fraction.rstrip("0"))))
    return f"-{value}" if numeral.startswith("-") and value != "0" else value


def _behind_equals(text: str) -> str | None:
    return text.partition("=")[2] if text.count("=") == 1 else None


def _values(text: str) -> set[str]:
    if _SCALE.search(text):
        return set()
    text = _COMPOUND.sub(lambda both: str(_WORDS[both[1]] + _WORDS[both[2]]), _PRONOUN.sub("", text))
    text = re.sub(r"\bout\s+of\s+[\w.,]*\w", "", text)
    values = set()
    for found in _NUMBER.finditer(text):
        word = found[0]
        if word.isalpha() and word not in _WORDS:
            continue
        before = text[max(0, found.start() - 20) : found.start()]
        is_bound = _BOUND.search(before) or _BOUND_BEHIND.match(text, found.end())
        if not is_bound and not denied(text, found.start(), found.end()):
            values.add(str(_WORDS[word]) if word in _WORDS else canonical(word))
    if (zero := _ZERO.search(text)) and (not values or _ONLY.match(text, zero.end())):
        values.add("0")
    return values or ({"1"} if _SINGLE.search(text) else set())


def point(text: str) -> str | None:
    """Return the one point that a text states, as "(x, y)"; a percentage is a share, and "y=…, x=…" is turned."""
    first = re.search(r"[(\[]?[-.]?\d", text)
    if first is None or denied(text, first.start()):
        return None
    xy = _two(_COORDINATE.findall(text)) or _two(_with_comma_decimals(text)) or _one_pair(text)
    if xy is None or not all(map(isfinite, xy)):
        return None
    x, y = map(_written, reversed(xy) if _Y_FIRST.search(text) else xy)
    return f"({x}, {y})"


def floats(text: str) -> list[float]:
    """Return the numbers of a point."""
    return [float(each) for each in re.findall(r"-?\d*\.?\d+", text)]


def _two(coordinates: list[str]) -> tuple[float, float] | None:
    return (_share(coordinates[0]), _share(coordinates[1])) if len(coordinates) == 2 else None


def _with_comma_decimals(text: str) -> list[str]:
    found = _COMMA_COORDINATE.findall(text)
    return [each.replace(",", ".") for each in found] if not re.search(r"\d", _COMMA_COORDINATE.sub("", text)) else []


def _one_pair(text: str) -> tuple[float, float] | None:
    pairs = {(_share(x), _share(y)) for x, y in _PAIR.findall(text)}
    return pairs.pop() if len(pairs) == 1 else None


def _written(coordinate: float) -> str:
    short = f"{coordinate:g}"
    return short if "e" not in short else f"{coordinate:.10f}".rstrip("0").rstrip(".")


def _share(coordinate: str) -> float:
    bare = coordinate.strip()
    # Decimal, so that 62% is 0.62 and no neighbor of it.
    return float(Decimal(bare[:-1].strip()) / 100) if bare.endswith("%") else float(bare)
