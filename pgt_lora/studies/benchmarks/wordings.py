"""How this kit words the benchmarks that it asks itself; none of it is the wording of a training template.

A model that is tested in the very words that it was taught shows the words, and its base does not know them.
"""

from random import Random
from string import ascii_uppercase

from pgt_lora.data.sources.source import Row
from pgt_lora.data.tasks.task import Question

LARGEST_COUNT = 15  # of TallyQA's test split, and of the sixteen letters
OWN, PAPER = "own", "paper"  # templates


def own_vsr(rng: Random, row: Row) -> Question:
    """Ask whether the caption is true, in this kit's words."""
    text = f"Statement: {row.question}\nDoes the image show that this is so? Reply with one word: True or False."
    return Question(text, row.answer, OWN, "true_false", ("True", "False"))


def own_tallyqa(rng: Random, row: Row) -> Question:
    """Ask for a number, which alone counts, in this kit's words."""
    return Question(f"{row.question}\nReply with one number.", row.answer, OWN, "number", None)


def vsr(rng: Random, row: Row) -> Question:
    """Ask as the paper's appendix C prints it; the line break is the public harness's."""
    text = f'Based on the image, is this statement "True" or "False"? {row.question}'
    text += '\nRespond with "True" or "False" directly.'
    return Question(text, row.answer, PAPER, "true_false", ("True", "False"))


def tallyqa(rng: Random, row: Row) -> Question:
    """Ask for the letter of one of sixteen numbers, 0 to 15."""
    options = tuple(str(number) for number in range(LARGEST_COUNT + 1))
    return _lettered(row.question, options, ascii_uppercase[int(row.answer)])


def ai2d(rng: Random, row: Row) -> Question:
    """Ask for the letter of one of the dataset's options."""
    return _lettered(row.question, row.options or (), row.answer)


def cv_bench(rng: Random, row: Row) -> Question:
    """Ask as the paper's appendix C prints it of CV-Bench-3D."""
    letters = tuple(ascii_uppercase[: len(row.options or ())])
    listed = [f"- ({letter}) {option}" for letter, option in zip(letters, row.options or (), strict=True)]
    last = "Answer only with the single capital letter corresponding to the correct choice."
    return Question("\n".join([row.question, *listed, last]), row.answer, PAPER, "letter", letters)


def gqa(rng: Random, row: Row) -> Question:
    """Ask for a short answer, which is free text."""
    return Question(_short(row), row.answer, PAPER, "text", None)


def pope(rng: Random, row: Row) -> Question:
    """Ask for a short answer, which is yes or no."""
    return Question(_short(row), row.answer, PAPER, "word", ("Yes", "No"))


def _short(row: Row) -> str:
    return f"{row.question}\nAnswer the question using a single word or phrase."


def _lettered(question: str, options: tuple[str, ...], answer: str) -> Question:
    letters = tuple(ascii_uppercase[: len(options)])
    listed = [f"{letter}. {option}" for letter, option in zip(letters, options, strict=True)]
    last = "Answer with the option's letter from the given choices directly."
    return Question("\n".join([question, *listed, last]), answer, PAPER, "letter", letters)
