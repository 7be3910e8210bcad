"""Two datasets in one directory, drawn at random from both; the total is what is asked for."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.streams import stream
from pgt_lora.core.workspace import data_directory
from pgt_lora.data.directory import is_made, open_dataset, read_manifest, write_manifest, write_rows
from pgt_lora.data.mix.pools import free_id
from pgt_lora.data.mix.terms import drawn_sources
from pgt_lora.data.turns import Form, to_form, widest


def blend(first: Path, second: Path, share: float, num_samples: int) -> Path:
    """Return a directory in which a share of the samples is from the second one, made where it is not there yet.

    A sample that cannot be divided goes to the second one. Its rows whose ids are taken get its name in front. Single
    questions among conversations become conversations.
    """
    manifests = [read_manifest(each) for each in (first, second)]
    path = data_directory(f"pgt-blend-{first.name}-{100 * share:g}%-{second.name}")
    asked = {
        "num_samples": num_samples, "seed": 0, "share": share, "of": [each["content_hash"] for each in manifests],
    }  # fmt: skip
    if not is_made(path, asked):
        num_second = math.ceil(share * num_samples - 1e-9)
        with new_directory(path, overwrite=True) as directory:
            form = widest(Form(manifest["rows"]) for manifest in manifests)
            drawn: list[Counter[str]] = [Counter(), Counter()]
            ids: set[str] = set()

            def counted(part: int, data: Path, number: int) -> Iterator[Mapping[str, Any]]:
                for row in _drawn(data, number):
                    drawn[part][row["source"]] += 1
                    row_id = free_id(row["id"], data.name, ids)
                    ids.add(row_id)
                    yield to_form(dict(row) | {"id": row_id}, form)

            rows = chain(counted(0, first, num_samples - num_second), counted(1, second, num_second))
            made = write_rows(directory, rows, form)
            made["sources"] = drawn_sources(zip((first, second), drawn, strict=True))
            write_manifest(directory, asked, made)
    return path


def _drawn(data: Path, num_samples: int) -> Iterator[Mapping[str, Any]]:
    rows = open_dataset(data)
    for index in sorted(stream(0, "blend", read_manifest(data)["content_hash"]).sample(range(len(rows)), num_samples)):
        yield rows[index]
