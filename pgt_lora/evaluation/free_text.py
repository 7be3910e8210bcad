"""Free text compared: equality of normalized answers, which counts as right, and two measures of nearness beside it.

The rules are those of VQA's evaluation (Antol et al. 2015), of ANLS (Biten et al. 2019) and of SQuAD's F1 (Rajpurkar
et al. 2016), for one right answer.
"""

import re
from collections import Counter

from pgt_lora.evaluation.numerals import ONES
from pgt_lora.evaluation.prose import plain

COUNTS = "equality of normalized answers"  # what is right; ANLS and F1 are beside it
ARTICLES = ("a", "an", "the")
NUMBERS = {word: str(value) for value, word in enumerate(ONES)} | {"none": "0"}
ANLS_THRESHOLD = 0.5  # what is farther away than this share of the longer text is worth nothing
# "don't" and "dont" are one word; "dog's" and "dogs" are two.
CONTRACTION = re.compile(
    r"(?<=\w)'(?=(?:t|re|ll|ve|m|d)\b)"
    r"|(?<=\b(?:it|he))'(?=s\b)|(?<=\b(?:she|how|who|let))'(?=s\b)|(?<=\b(?:that|what))'(?=s\b)|(?<=\bthere)'(?=s\b)"
)


def normalized(text: str) -> str:
    """Return a text without case, articles, punctuation, markup and apostrophes of contractions; numbers are digits.

    A text that is articles alone stays what it is: "A" may be an answer.
    """
    text = CONTRACTION.sub("", " ".join(plain(text).casefold().split()))
    text = re.sub(r"(?<=\d),(?=\d)", "", text)  # of thousands
    text = re.sub(r"(?<!\d)\.(?!\d)|(?<=\d)\.(?!\d)|[;/\[\]{}()=+_<>@`,?!:\"|*-]", " ", text)
    words = [NUMBERS.get(word, word) for word in text.split()]
    return " ".join([word for word in words if word not in ARTICLES] or words)


def anls(output: str, answer: str) -> float:
    """Return how near an output is to an answer, letter by letter: one minus the share of edits, 0 from a half on."""
    one, other = (" ".join(text.casefold().split()) for text in (output, answer))
    longest = max(len(one), len(other), 1)
    if abs(len(one) - len(other)) >= ANLS_THRESHOLD * longest:  # as many edits at least
        return 0.0
    share = edits(one, other) / longest
    return 1 - share if share < ANLS_THRESHOLD else 0.0


def f1(output: str, answer: str) -> float:
    """Return the harmonic mean of precision and recall over the words of two normalized texts."""
    one, other = (Counter(normalized(text).split()) for text in (output, answer))
    shared = (one & other).total()
    return 2 * shared / (one.total() + other.total()) if shared else 0.0


def edits(one: str, other: str) -> int:
    """Return the fewest letters put in, taken out or exchanged that make one text of another (Levenshtein 1966)."""
    before = list(range(len(other) + 1))
    for row, a in enumerate(one, 1):
        after = [row]
        for column, b in enumerate(other, 1):
            after.append(min(after[-1] + 1, before[column] + 1, before[column - 1] + (a != b)))
        before = after
    return before[-1]
