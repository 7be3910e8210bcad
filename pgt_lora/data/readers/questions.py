"""Tables of questions: one question and one answer a row, with options or without."""

from string import ascii_uppercase
from typing import Any

from pgt_lora.data.readers.answers import letter_of, options_of
from pgt_lora.data.readers.reader import Content, Reader, Row, Unreadable, shortened, text_of
from pgt_lora.data.turns import Role


def read(row: Row) -> list[tuple[Role, Content]]:
    """Return the question and its answer; options that a letter means are listed behind a question that lacks them."""
    question = text_of(row.need("question"), "question")
    answer = _written(row.need("answer"))
    options = row.texts("choices")
    if options and any(option not in question for option in options):
        lettered = options_of(options)
        if lettered.texts and letter_of(answer, lettered) and answer not in lettered.texts:
            listed = [f"{letter}. {text}" for letter, text in zip(ascii_uppercase, lettered.texts, strict=False)]
            question = "\n".join([question.rstrip(), *listed])
    return [(Role.USER, question), (Role.ASSISTANT, answer)]


def _written(answer: Any) -> str:
    if isinstance(answer, str | int | float):
        return str(answer)
    raise Unreadable(f"its answer is {shortened(answer)}; one text or number is needed")


READER = Reader(
    "questions",
    {"question": ("question", "query", "problem", "instruction"), "answer": ("answer", "response", "output")},
    read,
)
