"""Reading an answer out of what a model wrote, as a person reads it: what is denied or unclear states no answer."""

import re
from collections.abc import Callable, Sequence

from pgt_lora.data.sample import AnswerFormat
from pgt_lora.evaluation import numerals
from pgt_lora.evaluation.free_text import normalized
from pgt_lora.evaluation.prose import LONGEST_CLAUSE, conclusion, denied, final, plain
from pgt_lora.evaluation.verdicts import true_false

Choices = Sequence[str] | None


def parse(output: str, answer_format: str, choices: Choices = None, question: str = "") -> str | None:
    """Return the answer that `output` states in the format asked for, or None where it states none or several.

    Of a model that thinks aloud, what it concludes is read and never what it thinks on the way. Free text is the whole
    of it, or the one choice that it states where there are choices. The `question` tells which option a letter stands
    for, and which of two objects is related to the other.
    """
    said = conclusion(output)
    if said is None:
        return None
    text = plain(said)
    if answer_format == AnswerFormat.TEXT:
        return _word(text, choices) or said.strip() or None
    if answer_format == AnswerFormat.WORD:
        return _word(text, choices, question) or _option(text, choices, question)
    return _PARSERS[answer_format](text, choices)


def key(answer: str, answer_format: str) -> str:
    """Return an answer in the form in which it is compared; two that are equal in it are the same answer.

    Free text is compared as VQA's evaluation does it (`free_text.py`).
    """
    if answer_format == AnswerFormat.TEXT:
        return normalized(answer)
    if answer_format == AnswerFormat.NUMBER:
        return numerals.number(answer) or answer.casefold()
    return answer.casefold()


_LETTERED = re.compile(r"\(([A-Z])\)\s*([^()\n]+?)\s*(?=\([A-Z]\)|\n|$)")


def _option(text: str, choices: Choices, question: str) -> str | None:
    options = dict(_LETTERED.findall(question))
    is_listed = options and set(options.values()) <= set(choices or ())
    letter = _letter(text, tuple(options)) if is_listed else None
    return options[letter] if letter else None


def _word(text: str, choices: Choices, question: str = "") -> str | None:
    spelling = {_spaced(choice): choice for choice in choices or ()}
    if not spelling:
        return None
    # The longest first, so that "top center" does not state "center", too.
    either = "|".join(map(re.escape, sorted(spelling, key=len, reverse=True)))
    for part in (final(text), *_opening_alone(text, either), text):
        spaced = _spaced(part) if part is not None else ""
        stated = {
            found[0] for found in re.finditer(rf"\b(?:{either})\b", spaced)
            if not denied(spaced, found.start(), found.end())
            and not _is_of_another_place(spaced, found.start(), found.end())
            and not _is_of_the_other(spaced, found.start(), question)
        }  # fmt: skip
        if len(stated) == 1:
            return spelling[stated.pop()]
    return None


_PLACE = r"(?:above|below|upper|lower|top|bottom|left|right|middle|center|centre)"


def _is_of_another_place(text: str, start: int, end: int) -> bool:
    """Tell whether a choice is a part of another place: "left" in "upper left"."""
    before, after = text[max(0, start - 10) : start], text[end : end + 10]
    return bool(re.search(rf"\b{_PLACE} $", before) or re.match(rf" {_PLACE}\b", after))


_RELATED = re.compile(
    r"\bwhere is the ([^?.]+?) (?:located )?(?:relative to|with respect to) the ([^?.]+?)\s*[?.]", re.I
)


def _is_of_the_other(text: str, start: int, question: str) -> bool:
    """Tell whether a choice is said of the second of two objects: "The cup is left of the plate" of a plate."""
    if not (asked := _RELATED.search(question)):
        return False
    first, second = (re.escape(_spaced(each)) for each in asked.groups())
    before, after = text[max(0, start - LONGEST_CLAUSE) : start], text[start : start + LONGEST_CLAUSE]
    before, after = re.split(r"[.!?;]", before)[-1], re.split(r"[.!?;,()]", after)[0]
    subject = re.search(
        rf"(?<!to the )(?<!from the )(?<!of the )(?<!with the )\b{second} (?:is|lies|sits|stands)\b", before
    )
    return bool(subject and not re.search(rf"\b{first}\b", before) and re.search(rf"\b{first}\b", after))


def _opening_alone(text: str, either: str) -> list[str]:
    """Return the opening where it is a choice and nothing else, and no later sentence or line is another one."""
    alone = [each for each in re.split(r"[.!\n]+\s*", text) if re.fullmatch(either, _spaced(each).strip())]
    opening = re.match(rf"(?:{either})\s*[.!\n]", _spaced(text, keep_lines=True))
    return [alone[0]] if opening and len({_spaced(each).strip() for each in alone}) == 1 else []


def _spaced(text: str, keep_lines: bool = False) -> str:
    spaced = re.sub(r"[^\S\n]+|[-_]+" if keep_lines else r"[\s_-]+", " ", text.casefold())
    return re.sub(r"(?<!the )\bright (?=(?:above|below)\b)", "", spaced)  # directly


# A letter that stands for itself; "X-ray", "U.S." and "I'm" hold none.
_MARKED = r"[(\[]\s*([A-Za-z])\s*[)\]]"
_CAPITAL = r"(?<![A-Za-zÀ-ɏ0-9'.-])([A-Z])(?!-?[A-Za-zÀ-ɏ0-9']|\.\w)"
_CUES = (
    r"\b(?:answer|option|letter|choice|choose|pick|select(?:ed)?|label+ed)\b[ \t]*(?:(?:is|was|(?:would|must|should) be"
    r"|seems(?: to be)?)\b)?[ \t]*[:=]?\s*(?:(?:option|letter|choice|circle|point)\s+)?"
)
_STATED = re.compile(rf"(?i:{_CUES})(?:{_MARKED}|{_CAPITAL}|([a-z])(?=\s*(?:[).,:]|\n|$)))")
_LAST = re.compile(rf"(?:\bis|'s)\s+(?:(?:circle|point|box)\s+)?(?:{_MARKED}|{_CAPITAL})\W*$")
_OPENING = re.compile(r"[(\[]?\s*([A-Za-z])(?:\s*[)\]]|[.:,](?!\w\.)|\s*[-–—](?=\s)|\s*$|\s*\n)")
_ANOTHER = re.compile(
    rf"[\s,/&]*(?:and|or)?\s*(?:{_MARKED}|([A-Za-z])(?![A-Za-z0-9']))(?=\s*[).:]?\s*(?:$|[,/\n]|and\b|or\b))"
)
_STANDS = re.compile(r"\s*(?:[).,;:!\]]|\n|$|because\b|is the\b)")  # behind an A that is no article
_OPTION = re.compile(r"(?<![A-Za-z])[(\[]?([A-Z])[)\].:]\s")


def _letter(text: str, choices: Choices) -> str | None:
    # "(B)", "B.", "b) left", "B" alone, "The answer is B"; but not the article in "A red circle".
    opening = _OPENING.match(text)
    if opening and choices and opening[1].upper() not in choices:  # of what is asked about
        opening = None
    stated = _letters(text, opening, choices)
    found = {each for each in stated if choices is None or each in choices}
    if stated != found and re.search(r"\b[A-Z]\b\W*(?:or|/)\W*\b[A-Z]\b", text):  # one that is no option, or another
        return None
    return found.pop() if len(found) == 1 and not (opening and _lists_options(text, opening)) else None


def _letters(text: str, opening: re.Match[str] | None, choices: Choices) -> set[str]:
    stated = [*_STATED.finditer(text), *_LAST.finditer(text)]
    said = [each for each in stated if not denied(text, each.start(), each.end()) and not _is_pronoun(each, choices)]
    if concluded := [each for each in said if each[0].lower().startswith("answer") and _is_final(text, each)]:
        return _with_alternatives(text, concluded[-1:])
    if opening:
        return set() if denied(text, 0, opening.end()) else _with_alternatives(text, [opening, *said])
    return _with_alternatives(text, said) if said else _only_letter(text, choices)


def _is_final(text: str, cue: re.Match[str]) -> bool:
    return text[: cue.start()].rstrip().lower().endswith("final")


def _is_pronoun(found: re.Match[str], choices: Choices) -> bool:
    return _group(found) == "I" and "I" not in (choices or ())


def _group(found: re.Match[str]) -> str:
    return next(each for each in found.groups() if each).upper()


def _with_alternatives(text: str, found: Sequence[re.Match[str]]) -> set[str]:
    """Return the letters that were found and those that are listed right behind them: "A or B" states two."""
    letters = set()
    for each in found:
        letters.add(_group(each))
        more = _ANOTHER.match(text, each.end())
        if more:
            letters.add(_group(more))
    return letters


def _lists_options(text: str, opening: re.Match[str]) -> bool:
    """Tell whether the options are repeated, as "(A) left (B) right" does."""
    letters = list(dict.fromkeys(_OPTION.findall(text + " ")))
    compares = re.match(r"\s*(?:is|because|since|as)\b", text[opening.end() :])
    return letters[:2] == ["A", "B"] and opening[1] == "A" and not compares and not _STATED.search(text)


def _only_letter(text: str, choices: Choices) -> set[str]:
    # A letter among numbers is one of a list.
    if re.search(r"\b(?:wrong|incorrect|un(?:sure|clear|known)|not (?:sure|certain|clear)|\d+)\b", text, re.IGNORECASE):
        return set()
    found = [
        each for each in re.finditer(f"{_MARKED}|{_CAPITAL}", text)
        if not _is_pronoun(each, choices) and not denied(text, each.start(), each.end())
    ]  # fmt: skip
    letters = {_group(each) for each in found}
    if letters == {"A"} and not any(_STANDS.match(text, each.end()) for each in found):
        return set()  # an article
    return letters


_PARSERS: dict[str, Callable[[str, Choices], str | None]] = {
    AnswerFormat.LETTER: _letter,
    AnswerFormat.NUMBER: lambda text, choices: numerals.number(text),
    AnswerFormat.TRUE_FALSE: lambda text, choices: true_false(text),
    AnswerFormat.POINT: lambda text, choices: numerals.point(text),
}
