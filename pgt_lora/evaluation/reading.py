"""Reading an answer out of what a model wrote, as a person reads it: what is denied or unclear states no answer."""

import re
from collections.abc import Callable, Sequence

from pgt_lora.data.sample import AnswerFormat
from pgt_lora.evaluation import numerals
from pgt_lora.evaluation.free_text import normalized
from pgt_lora.evaluation.prose import NEGATION, clauses, conclusion, denied, final, plain

Choices = Sequence[str] | None


def parse(output: str, answer_format: str, choices: Choices = None) -> str | None:
    """Return the answer that `output` states in the format asked for, or None where it states none or several.

    Of a model that thinks aloud, what it concludes is read and never what it thinks on the way. Free text is the whole
    of it, or the one choice that it states where there are choices.
    """
    said = conclusion(output)
    if said is None:
        return None
    if answer_format == AnswerFormat.TEXT:
        return _word(plain(said), choices) or said.strip() or None
    return _PARSERS[answer_format](plain(said), choices)


def key(answer: str, answer_format: str) -> str:
    """Return an answer in the form in which it is compared; two that are equal in it are the same answer.

    Free text is compared as VQA's evaluation does it (`free_text.py`).
    """
    if answer_format == AnswerFormat.TEXT:
        return normalized(answer)
    if answer_format == AnswerFormat.NUMBER:
        return numerals.number(answer) or answer.casefold()
    return answer.casefold()


def _word(text: str, choices: Choices) -> str | None:
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
        }  # fmt: skip
        if len(stated) == 1:
            return spelling[stated.pop()]
    return None


def _opening_alone(text: str, either: str) -> list[str]:
    """Return the opening where it is a choice and nothing else, and no later sentence or line is another one."""
    alone = [each for each in re.split(r"[.!\n]+\s*", text) if re.fullmatch(either, _spaced(each).strip())]
    opening = re.match(rf"(?:{either})\s*[.!\n]", _spaced(text, keep_lines=True))
    return [alone[0]] if opening and len({_spaced(each).strip() for each in alone}) == 1 else []


def _spaced(text: str, keep_lines: bool = False) -> str:
    return re.sub(r"[^\S\n]+|[-_]+" if keep_lines else r"[\s_-]+", " ", text.casefold())


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
    found = _letters(text, opening, choices)
    if len(found) != 1 or (opening and _lists_options(text, opening)):
        return None
    letter = found.pop()
    return letter if choices is None or letter in choices else None


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
    if NEGATION.search(text) or re.search(r"\b(?:wrong|incorrect|unsure|unclear|unknown|\d+)\b", text, re.IGNORECASE):
        return set()
    found = [each for each in re.finditer(f"{_MARKED}|{_CAPITAL}", text) if not _is_pronoun(each, choices)]
    letters = {_group(each) for each in found}
    if letters == {"A"} and not any(_STANDS.match(text, each.end()) for each in found):
        return set()  # an article
    return letters


# "It is false that it is not true", "It is not clear that it is true": a denial across clauses.
_ACROSS = re.compile(
    r"(?:\bfalse|\buntrue|\bincorrect|\bdoubt\w*|(?:\bnot|n't)\b[^.,;!?\n]{0,80}?)\s+that\b"
    r"[^.!?\n]{0,200}\b(?:true|false|correct)\b"
)
_QUESTION = re.compile(r"\b(?:true|yes)\s*(?:or|/)\s*(?:false|no)\b\s*[?:]|[^.!?\n]{0,300}\?(?=\s*\S)", re.IGNORECASE)
_NOT = r"(?:\bnot|n't|\bnever|\bcannot\s+be)\s+(?:(?:at all|entirely|quite|really|actually|completely|be|a)\s+)*"
_NEGATED = re.compile(rf"{_NOT}(true|false|correct|incorrect|accurate)\b")
_VERDICT = re.compile(r"\b(?:true|yes|yeah|yep|false|nope|untrue|no)\b")
_OPINION = re.compile(
    r"(?:^|\b(?:is|it's|that's|seems|indeed)\s+)(?:correct|incorrect|wrong|accurate|inaccurate)\b"
    r"(?!\s+(?:answer|option|choice|response))"
)
_NO = re.compile(r"^no\b|\bthere\s+(?:is|are|was|were)\s+no\b|\bno$")
_NO_ANSWER = re.compile(
    r"\bno\s+(?:doubt|idea|way|clue|answer|information|indication|evidence|image|picture|question|statement|caption"
    r"|context|option|need|problem|matter|one)\b"
)
_FALSE_WORDS = ("false", "no", "nope", "untrue", "incorrect", "wrong", "inaccurate")


def _true_false(text: str, choices: Choices) -> str | None:
    text = _QUESTION.sub(" ", text.lower()) or text.lower()
    text = re.sub(r"(\bis|\bnot|n't)\s+the\s+case\b", r"\1 true", text)
    if _ACROSS.search(text):
        return None
    stated = {value for clause in clauses(text) for value in _verdicts(clause)}
    return stated.pop() if len(stated) == 1 else None


def _verdicts(clause: str) -> set[str | None]:
    """Return what a clause states, None where it states something that is not understood."""
    clause = _NO_ANSWER.sub(" ", clause)
    negated: set[str | None] = {
        "False" if found[1] in ("true", "correct", "accurate") else "True" for found in _NEGATED.finditer(clause)
    }
    rest = _NEGATED.sub(" ", clause)
    words = [each[0] for each in _VERDICT.finditer(rest) if each[0] != "no" or _NO.search(rest)]
    if not words and not negated:
        words = [each[0].split()[-1] for each in _OPINION.finditer(rest)]
    stated: set[str | None] = negated | {"False" if word in _FALSE_WORDS else "True" for word in words}
    unclear = re.search(r"\b(?:whether|if)\b", rest) or (NEGATION.search(rest) and set(words) != {"no"})
    return {None} if stated and (unclear or _is_taken_back(rest)) else stated


def _is_taken_back(clause: str) -> bool:
    return any(denied(clause, len(clause), found.end()) and found[0] != "no" for found in _VERDICT.finditer(clause))


_PARSERS: dict[str, Callable[[str, Choices], str | None]] = {
    AnswerFormat.WORD: _word,
    AnswerFormat.LETTER: _letter,
    AnswerFormat.NUMBER: lambda text, choices: numerals.number(text),
    AnswerFormat.TRUE_FALSE: _true_false,
    AnswerFormat.POINT: lambda text, choices: numerals.point(text),
}
