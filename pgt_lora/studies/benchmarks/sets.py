"""The benchmarks that lmms-eval lacks, as dataset directories, which `pgt-lora evaluate` reads, too."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from random import Random

from pgt_lora.core.errors import InputError
from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.streams import stream
from pgt_lora.core.terminal import console, track
from pgt_lora.data.directory import is_made, write_manifest, write_samples
from pgt_lora.data.mix.annotations import load
from pgt_lora.data.mix.images import Shelf, obtain
from pgt_lora.data.mix.pools import ask_row
from pgt_lora.data.sources import tallyqa, vsr, whatsup
from pgt_lora.data.sources.source import Row, Source, SourceSettings
from pgt_lora.data.tasks.task import Question

MAX_NAMED = 5  # of the images that are missing


def ask_for_number(rng: Random, row: Row) -> Question:
    """Ask TallyQA's question for a number, which alone counts."""
    text = f"{row.question} Answer with the number directly"
    return Question(text, row.answer, "A", "number", None)


SOURCES: Mapping[str, Source] = {
    "whatsup": whatsup.SOURCE,
    "vsr": vsr.SOURCE,
    # The set on the Hub carries its images with it; the original's lie in two archives and one by one.
    "tallyqa": replace(tallyqa.SOURCE, origin=lambda settings: "vikhyatk/tallyqa-test", ask=ask_for_number),
}


def build(name: str, given: str | None, settings: SourceSettings, shelf: Shelf, limit: int | None) -> Path:
    """Return the dataset directory of a benchmark's test split, made in the cache where it is not there yet.

    `given` says where the annotations lie, as for `pgt_lora.data.mix.annotations.load`. With `limit`, that many rows
    are drawn, the same ones every time, and only their images are fetched.
    """
    source = SOURCES[name]
    loaded = load(source, "test", given, settings, shelf)
    rows: Sequence[Row] = loaded.annotations.rows
    if limit is not None and limit < len(rows):
        chosen = sorted(stream(0, "benchmark", name).sample(range(len(rows)), limit))
        rows = [rows[index] for index in chosen]
    asked = {
        "source": name, "split": "test", "num_samples": len(rows), "family": loaded.annotations.family,
        "files": loaded.facts["files"],
    }  # fmt: skip
    out = shelf.cache / "benchmarks" / "-".join([name, loaded.annotations.family or "test", str(len(rows))])
    if is_made(out, asked):
        return out
    obtained = obtain([image for row in rows for image in row.images], shelf)
    lost = [f"row {row.id}: {obtained.problems[i]}" for row in rows for i in row.images if i in obtained.problems]
    if lost:
        named = "; ".join(lost[:MAX_NAMED]) + (f" and {len(lost) - MAX_NAMED:,} more" if lost[MAX_NAMED:] else "")
        raise InputError(f"{name}: {named}; pass local copies with --image-root, or leave {name} out of --suite")
    facts = {"homepage": source.homepage, "licence": asdict(source.licence), **loaded.facts}
    files = ([obtained.paths[image].read_bytes() for image in row.images] for row in rows)
    samples = (ask_row(source, 0, row, each) for row, each in zip(rows, files, strict=True))
    with new_directory(out, overwrite=True) as directory:  # the cache is the kit's own
        made = write_samples(directory, track(samples, len(rows), f"Writing {name}"))
        skipped = dict(sorted(loaded.annotations.skipped.items()))
        write_manifest(directory, asked, made | {"sources": {name: facts | {"skipped": skipped}}})
    if skipped:
        console.print(f"{name}: {skipped} of its rows are not asked", soft_wrap=True)
    return out
