"""The command that asks a model questions about images."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer


def ask(
    model: Annotated[str, typer.Argument(help="A recipe, run, adapter or checkpoint directory, or a Hub id.")],
    words: Annotated[
        list[str], typer.Argument(metavar="IMAGE... QUESTION", help="Image files, then a question; none with --chat.")
    ],
    base: Annotated[bool, typer.Option("--base", help="Also show the answer without the run's adapter.")] = False,
    chat: Annotated[bool, typer.Option("--chat", help="Chat in the terminal.")] = False,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest answer.")] = 128,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each question.")] = False,
) -> None:
    """Ask a model about your own images, as in evaluation."""
    import json

    from pgt_lora.core.errors import InputError
    from pgt_lora.core.terminal import console
    from pgt_lora.data.images import check_files

    images, questions = (words, typed()) if chat else (words[:-1], iter(words[-1:]))
    if not images:
        raise InputError(f"{words[0]!r}: name a model, one or more image files, and last the question, in quotes")
    if not chat and Path(words[-1]).is_file():
        raise InputError(f"{words[-1]}: an image file instead of the question; put the question last, in quotes")
    check_files([Path(image) for image in images])  # a model may take minutes to load
    from pgt_lora.studies.by_name import chat as chat_with

    asked = chat_with(model, images, base=base, max_new_tokens=max_new_tokens)
    for question in questions:
        answers = asked.ask(question)
        if as_json:
            told = {"model": model, "images": images, "question": question, **answers}
            console.print_json(json.dumps(told), indent=None)
        else:
            console.print("\n".join(lines(answers)), highlight=False, soft_wrap=True)


def typed() -> Iterator[str]:
    """Yield questions as they are typed or piped in, up to an empty line or the end of the input."""
    with suppress(EOFError):
        while question := input("> " if sys.stdin.isatty() else "").strip():
            yield question


def lines(answers: Mapping[str, str]) -> list[str]:
    """Return the answers as lines; where there are two, with the model's name before each."""
    names = {"base_answer": "base        ", "answer": "fine-tuned  "}
    return [(names[name] if len(answers) > 1 else "") + text for name, text in answers.items()]
