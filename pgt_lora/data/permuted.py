"""A dataset with its answers permuted: what it teaches is the form of the answers and not the skill."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.streams import stream
from pgt_lora.core.terminal import track
from pgt_lora.data.directory import is_made, open_dataset, read_manifest, write_manifest, write_rows
from pgt_lora.data.mix.terms import drawn_sources
from pgt_lora.data.turns import Form, columns, last_answer, with_last_answer


def permuted(data: Path) -> Path:
    """Return a directory beside `data` with the same images and questions, made where it is not there yet.

    Answers change places among the rows of one task, template and format that have the same options, so that every
    count of answers stays what it is. The scenes stay those of the images, and earlier answers of a conversation stay,
    too.
    """
    manifest = read_manifest(data)
    path = data.with_name(f"{data.name}-permuted")
    asked = {"num_samples": manifest["num_samples"], "permuted": manifest["content_hash"], "seed": 0}
    if is_made(path, asked):
        return path
    rows, form = open_dataset(data), Form(manifest["rows"])
    answered = rows.select_columns(["task", "template", "choices", "answer", "answer_format", *columns(form)]).to_list()
    source = permutation(answered, manifest["content_hash"])
    with new_directory(path, overwrite=True) as directory:
        others = (answered[index] for index in source)
        changed = (
            with_last_answer(row, last_answer(other)) | {"answer": other["answer"]}
            for row, other in zip(track(rows, len(rows), "Permuting answers"), others, strict=True)
        )
        made = write_rows(directory, changed, form)
        write_manifest(directory, asked, made | {"sources": drawn_sources([(data, Counter(rows["source"]))])})
    return path


def permutation(rows: list[dict[str, Any]], name: str) -> list[int]:
    """Return for each row the index of the row whose answer it gets."""
    alike: defaultdict[tuple[Any, ...], defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, row in enumerate(rows):
        options = row["task"], row["template"], tuple(sorted(row["choices"] or ()))
        alike[options][row["answer_format"]].append(index)
    source = list(range(len(rows)))
    for options, of_format in alike.items():
        for answer_format, places in of_format.items():
            # Rows of one format alone, as PGT's are, keep the stream that they had before formats were told apart.
            key = options if len(of_format) == 1 else (*options, answer_format)
            drawn = stream(0, "permuted", name, str(key)).sample(places, len(places))
            for place, other in zip(places, drawn, strict=True):
                source[place] = other
    return source
