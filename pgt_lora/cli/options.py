"""Arguments that several commands share."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe_values import parse_overrides
from pgt_lora.core.typed import typed

DEFAULT_MODEL = "tiny-qwen2.5-vl"

Data = Annotated[
    str | None,
    typer.Option("--data", help="A dataset directory, or what `import` reads. Default: what the run was begun with."),
]
EvalData = Annotated[
    list[str] | None,
    typer.Option(
        "--eval-data",
        help="A held-out dataset, can be repeated. Default: the data's own test split (DATA-test), or held-out PGT.",
    ),
]
Out = Annotated[Path, typer.Option("--out", help="The output directory.")]
DType = Annotated[str | None, typer.Option(help="bfloat16, float16 or float32. Default: the base's own type.")]
Limit = Annotated[
    int | None, typer.Option(help="Take N rows, drawn from everywhere, in their order; fewer are a subset of more.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing directory.")]


def model_and_overrides(model: str, words: list[str]) -> tuple[str, list[str]]:
    """Return the model and the recipe's fields; where no model is given, the first field stands in its place."""
    return (DEFAULT_MODEL, [model, *words]) if model.startswith("-") else (model, words)


def refuse_num_samples(words: Sequence[str], data: str | None) -> None:
    """Refuse `num_samples` for data that are used whole, and for mixtures that are as large as such data.

    Raises:
        InputError: it is among the words.
    """
    from pgt_lora.studies.named_data import sized_by

    whole = None if data is None else sized_by(data)
    if whole is not None and "num_samples" in parse_overrides(words):
        fewer = f"take fewer rows with: {typed('import', whole, '--limit')} N --out DIR"
        if whole == data:
            raise InputError(f"--num_samples: {data} is used whole; {fewer}")
        raise InputError(
            f"--num_samples: a mixture has as many rows as its first part, {whole}; {fewer}, and name DIR in its place"
        )


def refuse_fields(words: Sequence[str], options: Mapping[str, str]) -> None:
    """Refuse a recipe's fields that a command does not look at, as an option of its own says it.

    Raises:
        InputError: one is among the words; the message names the option.
    """
    given = parse_overrides(words)
    for field, option in options.items():
        if field in given:
            raise InputError(f"--{field}: this command does not look at the recipe's field; give {option}")
