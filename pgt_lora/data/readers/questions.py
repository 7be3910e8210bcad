"""Tables of questions: one question and one answer a row, with options or without."""

from pgt_lora.data.readers.answers import letter_of, options_in, options_of
from pgt_lora.data.readers.reader import Content, Reader, Row
from pgt_lora.data.readers.values import Unreadable, text_of, written
from pgt_lora.data.turns import Role


def read(row: Row) -> list[tuple[Role, Content]]:
    """Return the question and its answer; options that a letter means are listed behind a question that lacks them."""
    question = text_of(row.need("question"), "question")
    answer = written(row.need("answer"), "its answer")
    if given := row.texts("choices"):
        options, listed = options_of(given), options_in(question)
        is_listed = listed is not None and listed.letters == options.letters
        if options.texts and not is_listed and answer not in options.texts and letter_of(answer, options):
            if len(options.texts) > len(options.letters):
                raise Unreadable(
                    f"its answer {answer!r} is a letter, but it has {len(options.texts)} choices, more than letters; "
                    "give the text of one as its answer"
                )
            lines = [f"{letter}. {text}" for letter, text in zip(options.letters, options.texts, strict=True)]
            question = "\n".join([question.rstrip(), *lines])
    return [(Role.USER, question), (Role.ASSISTANT, answer)]


READER = Reader(
    "questions",
    {"question": ("question", "query", "problem", "instruction"), "answer": ("answer", "response", "output")},
    read,
)
