"""True or false in what a model wrote: yes and no, what is called correct or wrong, and what is denied."""

import re

from pgt_lora.evaluation.prose import NEGATION, NO_ANSWER, clauses, denied

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
_NO_ANSWER = re.compile(rf"\bno\s+{NO_ANSWER}")
_FALSE_WORDS = ("false", "no", "nope", "untrue", "incorrect", "wrong", "inaccurate")


def true_false(text: str) -> str | None:
    """Return the one verdict that a text states, `True` or `False`; None where it states none or several."""
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
