"""A dataset with its answers permuted: what it teaches is the form of the answers and not the skill."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.streams import stream
from pgt_lora.core.terminal import track
from pgt_lora.data.directory import is_made, open_dataset, read_manifest, write_manifest, write_rows
from pgt_lora.data.turns import Form

ANSWERS = ("answer", "completion")


def permuted(data: Path) -> Path:
    """Return a directory beside `data` with the same images and questions, made where it is not there yet.

    Answers change places among the rows of one task and template that have the same options, so that every count of
    answers stays what it is. The scenes stay those of the images.
    """
    manifest = read_manifest(data)
    path = data.with_name(f"{data.name}-permuted")
    asked = {"num_samples": manifest["num_samples"], "permuted": manifest["content_hash"], "seed": 0}
    if is_made(path, asked):
        return path
    rows = open_dataset(data)
    columns = rows.select_columns(["task", "template", "choices", *ANSWERS]).to_list()
    source = permutation(columns, manifest["content_hash"])
    with new_directory(path, overwrite=True) as directory:
        changed = (
            row | {name: columns[source[index]][name] for name in ANSWERS}
            for index, row in enumerate(track(rows, len(rows), "Permuting answers"))
        )
        made = write_rows(directory, changed, Form(manifest["rows"]))
        write_manifest(directory, asked, made | ({"sources": manifest["sources"]} if "sources" in manifest else {}))
    return path


def permutation(rows: list[dict[str, Any]], name: str) -> list[int]:
    """Return for each row the index of the row whose answer it gets."""
    alike: defaultdict[tuple[Any, ...], list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        alike[row["task"], row["template"], tuple(sorted(row["choices"] or ()))].append(index)
    source = list(range(len(rows)))
    for key in sorted(alike, key=str):
        places = alike[key]
        for place, other in zip(places, stream(0, "permuted", name, str(key)).sample(places, len(places)), strict=True):
            source[place] = other
    return source
