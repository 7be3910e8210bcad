"""The format of an answer, inferred where it is certain, and free text everywhere else."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from pgt_lora.core.errors import choices
from pgt_lora.data.readers.values import Unreadable
from pgt_lora.data.sample import AnswerFormat, parse_point

LONGEST_OPTION = 200  # characters; what is longer is no option
NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,11})(?:\.\d+)?")  # neither 007 nor 1,000, which are read in several ways
ONES = "one|two|three|four|five|six|seven|eight|nine"
TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
TEENS = "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
NUMERAL = re.compile(  # one that is read in words or digits; "two hundred" is none
    rf"(?<![\w.,])-?(?:\d+(?:,\d{{3}})*(?:\.\d+)?|\.\d+|0,\d+|(?:{TENS})(?:[ -](?:{ONES}))?|{TEENS}|{ONES}|zero)"
    r"(?!\w|[.,]\d|\s+(?:hundred|thousand|million|billion|dozen))"
)
TRUTH, CONSENT = ("true", "false"), ("yes", "no")
MARKED = re.compile(r"\(?([A-Z])(?:\)[.:]?|[.:])\s+(\S.*)", re.DOTALL)  # "A. left", "(A) left", "A) left", "A: left"
LONE = re.compile(r"\(?([A-Z])\)?[.:]?")
STYLES = (
    re.compile(r"(?<!\S)\(([A-Z])\)[.:]?\s+"),
    re.compile(r"(?<![^\s(])([A-Z])\.\s+"),
    re.compile(r"(?<![^\s(])([A-Z])\)\s+"),
    re.compile(r"(?<![^\s(])([A-Z]):\s+"),
)
INSTRUCTION = re.compile(r" (?=(?:please )?(?:answer|choose|select|respond|reply|pick)\b)", re.IGNORECASE)
BY_LETTER = re.compile(r"\b(?:answer|reply|respond|choose|select|give)\b[^.?!\n]{0,100}\bletter\b", re.IGNORECASE)
ALTERNATIVES = re.compile(
    r"\b(?:answer|reply|respond)\s+(?:only\s+|either\s+|directly\s+)*(?:with|by)\s+(?:only\s+|either\s+)*"
    r"([^.?!:;\n]{1,80}?)(?:\s+(?:only|directly))?\s*[.!]?\s*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Options:
    """The answers that a question leaves: letters, and what each stands for, where that is known."""

    letters: tuple[str, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """What is scored, how it is read, and which answers are possible."""

    text: str
    format: AnswerFormat
    choices: tuple[str, ...] | None = None


def infer(question: str, said: str, given: Sequence[str] | None = None, stated: str | None = None) -> Answer:
    """Return an answer's format, given the question and what the model is to say.

    `given` are choices that come with the data, `stated` a format that does.

    Raises:
        Unreadable: the format is unknown or not the answer's, the answer is none of the choices, or two of these are
            the same.
    """
    said = said.strip()
    if given and (twice := [each for each, count in Counter(given).items() if count > 1]):
        raise Unreadable(f"its choices name {twice[0][:40]!r} twice")
    if stated is not None:
        return _stated(question, said, given, stated)
    if given:
        answer = _optional(said, options_of(given)) or _choice(said, given)
        if answer is None:
            raise Unreadable(f"its answer {said[:40]!r} is none of its choices: {', '.join(given)[:80]}")
        return answer
    listed = options_in(question)
    if listed and (answer := _optional(said, listed)):
        return answer
    bare = said.removesuffix(".")
    if parse_point(said):
        return Answer(said, AnswerFormat.POINT)
    if NUMBER.fullmatch(bare):
        return Answer(bare, AnswerFormat.NUMBER)
    if both := next((pair for pair in (TRUTH, CONSENT) if bare.casefold() in pair), None):
        spelled = tuple(_like(bare, each) for each in both)
        return Answer(bare, AnswerFormat.TRUE_FALSE if both == TRUTH else AnswerFormat.WORD, spelled)
    if listed is None and (lone := LONE.fullmatch(said)) and BY_LETTER.search(question):
        return Answer(lone[1], AnswerFormat.LETTER)
    if (words := alternatives_in(question)) and (answer := _choice(said, words)):
        return answer
    return Answer(said, AnswerFormat.TEXT)


def options_of(given: Sequence[str]) -> Options:
    """Return the options of a list, which may be lettered, be letters alone, or be texts."""
    letters = tuple(ascii_uppercase[: len(given)])
    marked = [MARKED.fullmatch(each) for each in given]
    if all(marked) and tuple(each[1] for each in marked if each) == letters:
        return Options(letters, tuple(each[2].strip() for each in marked if each))
    if all(len(each) == 1 and each in ascii_uppercase for each in given):
        return Options(tuple(given), ())  # letters themselves, such as those of circles
    return Options(letters, tuple(given))


def options_in(question: str) -> Options | None:
    """Return the lettered options that a question lists, A, B and so on; None where it lists none."""
    for style in STYLES:
        marks = list(style.finditer(question))
        starts = [index for index, mark in enumerate(marks) if mark[1] == "A"]
        run = marks[starts[-1] :] if starts else []
        letters = tuple(mark[1] for mark in run)
        if len(run) < 2 or letters != tuple(ascii_uppercase[: len(run)]):
            continue
        ends = [*(mark.start() for mark in run[1:]), len(question)]
        texts = [question[mark.end() : end].strip().rstrip(",;") for mark, end in zip(run, ends, strict=True)]
        # Behind the last option may stand what to do with them.
        texts[-1] = INSTRUCTION.split(" ".join(texts[-1].split("\n")[0].split()))[0]
        return Options(letters, tuple(texts))
    return None


def alternatives_in(question: str) -> tuple[str, ...] | None:
    """Return the words that a question ends by offering: "Answer with left, right or center."."""
    found = ALTERNATIVES.search(question[-2 * LONGEST_OPTION :])
    words = re.split(r"\s*,\s*(?:or\s+)?|\s+or\s+", found[1].strip()) if found else []
    words = [word.strip("\"'“”‘’` ") for word in words]
    return tuple(words) if len(words) > 1 and all(words) and len(set(map(str.casefold, words))) == len(words) else None


def letter_of(answer: str, options: Options) -> str | None:
    """Return the letter that an answer is, alone or before the text of its option; None where it is none."""
    answer = answer.strip()
    lone, marked = LONE.fullmatch(answer), MARKED.fullmatch(answer)
    letter = lone[1] if lone else marked[1] if marked else None
    if letter not in options.letters:
        return None
    if lone or not options.texts:
        return letter if lone else None
    text = options.texts[options.letters.index(letter)]
    return letter if marked and _key(marked[2]) == _key(text) else None


def _stated(question: str, said: str, given: Sequence[str] | None, stated: str) -> Answer:
    if stated not in list(AnswerFormat):
        raise Unreadable(f"answer_format {stated!r}; known: {choices(AnswerFormat)}")
    if stated == AnswerFormat.WORD and not given:
        raise Unreadable(f"a word as its answer, but no choices to read it by; {AnswerFormat.TEXT.value!r} needs none")
    options = options_of(given) if given else options_in(question)
    is_letter = stated == AnswerFormat.LETTER
    text = _letter(said, options) if is_letter else _READABLE[stated](said, given or ())
    if text is None:
        raise Unreadable(f"its answer {said[:40]!r} is no {stated}; fix it, or state {AnswerFormat.TEXT.value!r}")
    listed = options.letters if is_letter and options else given
    return Answer(text, AnswerFormat(stated), tuple(listed) if listed else None)


def _letter(said: str, options: Options | None) -> str | None:
    """Return the letter that an answer is stated to be; None where it is none, or none of the options."""
    if options:
        return letter_of(said, options) or letter_of(said.upper(), options)
    lone = LONE.fullmatch(said.upper())
    return lone[1] if lone else None


def _word(said: str, words: Sequence[str]) -> str | None:
    return next((word for word in words if _key(word) == _key(said)), None)


def _point(said: str) -> str | None:
    """Return a point in the form in which points are compared: `(0.25, 0.75)`."""
    point = f"({', '.join(part.strip() for part in said.strip('()[]').split(','))})"
    return said if parse_point(said) else point if parse_point(point) else None


# What no model could be right with is never stored: each returns the answer as it is scored, or None.
_READABLE: dict[str, Callable[[str, Sequence[str]], str | None]] = {
    AnswerFormat.TEXT: lambda said, given: said,
    AnswerFormat.WORD: _word,
    AnswerFormat.NUMBER: lambda said, given: said if len(set(NUMERAL.findall(said.lower()))) == 1 else None,
    AnswerFormat.TRUE_FALSE: lambda said, given: bare if (bare := said.removesuffix(".")).lower() in TRUTH else None,
    AnswerFormat.POINT: lambda said, given: _point(said),
}


def _optional(said: str, options: Options) -> Answer | None:
    """Return the answer where it is one of lettered options, by its letter or by its text."""
    if _key(said) not in map(_key, options.texts) and (letter := letter_of(said, options)):
        return Answer(letter, AnswerFormat.LETTER, options.letters)
    return _choice(said, options.texts)


def _choice(said: str, words: Sequence[str]) -> Answer | None:
    """Return the answer where it is exactly one of several different words."""
    keys = [_key(word) for word in words]
    if len(set(keys)) < len(keys) or keys.count(_key(said)) != 1 or max(map(len, words)) > LONGEST_OPTION:
        return None
    word = words[keys.index(_key(said))]
    if all(NUMBER.fullmatch(each) for each in words):
        return Answer(word, AnswerFormat.NUMBER, tuple(words))
    is_truth = sorted(keys) == sorted(TRUTH)
    return Answer(word, AnswerFormat.TRUE_FALSE if is_truth else AnswerFormat.WORD, tuple(words))


def _key(text: str) -> str:
    """Return a text as it is compared with an option: its case and the full stop behind it say nothing."""
    return re.sub(r"\s+", " ", text).strip().removesuffix(".").casefold()


def _like(model: str, word: str) -> str:
    """Return a word in the case of another one."""
    if model.isupper():
        return word.upper()
    return word.capitalize() if model[:1].isupper() else word
