"""An output as plain prose: without markup, in one width of letters and digits, clause by clause."""

import re
import unicodedata

# Where a clause ends; a point or comma inside a number does not end one.
_BOUNDARY = re.compile(
    r"[.,;:!?](?=\s|$)|[\n()]|\s[-–—]\s|\b(?:but|because|since|so|therefore|hence|although|that)\b", re.IGNORECASE
)
LONGEST_CLAUSE = 300  # characters; no answer is denied from farther away
NEGATION = re.compile(
    r"\b(?:not|never|neither|nor|cannot|without|hardly|unlikely|(?:rather|other) than|instead of|excluding|except)\b"
    r"|n't\b|\b(?:is|are|do|does|ca)nt\b|[不非]|ない",
    re.IGNORECASE,
)
# Of what there can be "no" without that being an answer.
NO_ANSWER = (
    r"(?:doubt|idea|way|clue|answer|information|indication|evidence|image|picture|question|statement|caption|context"
    r"|option|need|problem|matter|one|response|comment|data|thank|number)s?\b"
)
# What is said behind an answer to take it back.
_REJECTION = re.compile(
    r"[\"')\]]*\s*(?:(?:is|are|was|would be|seems|looks|does|do)\s*(?:not|n't)"
    r"|(?:is|was|seems)\s+(?:wrong|incorrect|false|untrue))"
    r"|[\"')\]]*\s*(?:cannot|can't|could not|couldn't)\s+be\b",
    re.IGNORECASE,
)
_THOUGHT, _TAGGED = (re.compile(rf"<(/?){name}>", re.IGNORECASE) for name in ("think", "answer"))
_FINAL = "final answer:"
_CUE = re.compile(r"\b(?:final\s+answer|correct\s+answer|answer)\s*(?:(?:is|would be|must be)\b\s*:?|[:=])\s*", re.I)
_LATEX_WORDS = re.compile(r"\\(?:text|textbf|mathrm|mathbf|mathit|mbox|left|right|displaystyle)\b\s*")


def conclusion(output: str) -> str | None:
    """Return what a model that thinks aloud says in the end: in its last `<answer>…</answer>`, or behind `</think>`.

    Without such tags it is the whole output. None where a tag was opened and not closed, or the other way round: the
    output was cut off, and what is there may be a thought.
    """
    thoughts, rest = list(_THOUGHT.finditer(output)), output
    if thoughts:
        if not thoughts[-1][1]:
            return None
        rest = output[thoughts[-1].end() :]
    tags = list(_TAGGED.finditer(rest))
    if not tags:
        return rest
    if not tags[-1][1] or len(tags) < 2 or tags[-2][1]:
        return None
    return rest[tags[-2].end() : tags[-1].start()]


def plain(output: str) -> str:
    """Return an output without Markdown, LaTeX, tags and quotes; full-width forms and foreign digits become ASCII.

    What is boxed stands behind the words "final answer:".
    """
    text = "".join(map(_character, output))
    text = unicodedata.normalize("NFKC", text)
    text = "".join(str(unicodedata.decimal(each)) if each.isdecimal() else each for each in text)
    text = text.translate({ord("’"): "'", ord("‘"): "'", ord("。"): ". ", ord("、"): ", ", ord("−"): "-"})
    text = re.sub(r"</?[A-Za-z][\w-]*\s*/?>", " ", text)
    text = _LATEX_WORDS.sub("", text)
    text = re.sub(r"\{([^{}]*)\}", r"(\1)", re.sub(r"\\boxed\s*\{\{*([^{}]*)\}*\}", rf"\n{_FINAL} \1\n", text))
    text = re.sub(r"[\\$\"“”„«»「」『』]", "", text)
    text = re.sub(r"^\s*(?:#+|>|[-•]|\*)\s+", "", text, flags=re.MULTILINE)
    # A star between two digits multiplies; at the edge of a word it is markup.
    return re.sub(r"(?<!\w)[*_`~']+|[*_`~']+(?!\w)", "", text).strip()


def _character(each: str) -> str:
    kind = unicodedata.decomposition(each).partition(" ")[0]
    return f"^{unicodedata.normalize('NFKC', each)}" if kind in ("<super>", "<sub>") else each


def final(text: str) -> str | None:
    """Return what stands behind the last "final answer:" or "the answer is", to the end of its line."""
    cues = list(_CUE.finditer(text))
    explicit = [cue for cue in cues if cue[0].lower().startswith("final")] or cues
    if not explicit or denied(text, explicit[-1].start()):
        return None
    return text[explicit[-1].end() :].split("\n")[0]


def clauses(text: str) -> list[str]:
    """Return the clauses of a text, without those that are empty."""
    return [each.strip() for each in _BOUNDARY.split(text) if each.strip()]


def denied(text: str, start: int, end: int | None = None) -> bool:
    """Tell whether the words at `start` are denied: by a negation before them in their clause, or right behind them."""
    before = text[max(0, start - LONGEST_CLAUSE) : start]
    opening = max((cut.end() for cut in _BOUNDARY.finditer(before)), default=0)
    if NEGATION.search(before[opening:]):
        return True
    return end is not None and _REJECTION.match(text, end) is not None
