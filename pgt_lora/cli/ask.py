"""The command that asks a model a question about images."""

from pathlib import Path
from typing import Annotated

import typer


def ask(
    model: Annotated[str, typer.Argument(help="A recipe, run, adapter or checkpoint directory, or a Hub id.")],
    words: Annotated[list[str], typer.Argument(metavar="IMAGE... QUESTION", help="Image files, then the question.")],
    base: Annotated[bool, typer.Option("--base", help="Also answer without the run's adapter.")] = False,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest answer.")] = 128,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Ask a model a question about your own images, as evaluation would."""
    import json

    from pgt_lora.core.errors import InputError
    from pgt_lora.core.terminal import console
    from pgt_lora.evaluation.ask import ANSWER, BASE_ANSWER, as_row
    from pgt_lora.evaluation.ask import ask as ask_model
    from pgt_lora.evaluation.evaluate import load_for_evaluation
    from pgt_lora.evaluation.generation import Generation
    from pgt_lora.models.names import resolve

    *images, question = words
    if not images:
        raise InputError(f"{question!r}: give one image file or several, then the question in quotes")
    paths = [Path(image) for image in images]
    as_row(paths, question)  # a model may take minutes to load
    named = resolve(model, to_train=False)
    loaded, encoder = load_for_evaluation(named.checkpoint, named.recipe)
    answers = ask_model(loaded, encoder, paths, question, Generation(1, max_new_tokens), base=base)
    if as_json:
        console.print_json(json.dumps({"model": model, "images": images, "question": question, **answers}))
    elif base:
        console.print(f"base        {answers[BASE_ANSWER]}", highlight=False, soft_wrap=True)
        console.print(f"fine-tuned  {answers[ANSWER]}", highlight=False, soft_wrap=True)
    else:
        console.print(answers[ANSWER], highlight=False, soft_wrap=True)
