"""The benchmarks that lmms-eval lacks, as dataset directories, which `pgt-lora evaluate` reads, too."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

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
from pgt_lora.studies.benchmarks import wordings
from pgt_lora.studies.benchmarks.hub_sets import BoxedRow

MAX_NAMED = 5  # of the images that are missing


SOURCES: Mapping[str, Source] = {
    "whatsup": whatsup.SOURCE,
    "vsr": replace(vsr.SOURCE, ask=wordings.own_vsr),
    # The set on the Hub carries its images with it; the original's lie in two archives and one by one.
    "tallyqa": replace(tallyqa.SOURCE, origin=lambda settings: "vikhyatk/tallyqa-test", ask=wordings.own_tallyqa),
}


def build(source: Source, given: str | Path | None, settings: SourceSettings, shelf: Shelf, limit: int | None) -> Path:
    """Return the dataset directory of a benchmark's test split, made in the cache where it is not there yet.

    `given` says where the annotations lie, as for `pgt_lora.data.mix.annotations.load`. With `limit`, that many rows
    are drawn, the same ones every time, and only their images are fetched.
    """
    name = source.name
    loaded = load(source, "test", given, settings, shelf)
    rows: Sequence[Row] = loaded.annotations.rows
    if limit is not None and limit < len(rows):
        chosen = sorted(stream(0, "benchmark", name).sample(range(len(rows)), limit))
        rows = [rows[index] for index in chosen]
    if not rows:
        raise InputError(f"{name}: no question in {', '.join(loaded.facts['files'])}")
    first = ask_row(source, 0, rows[0], [])
    asked = {
        "source": name, "split": "test", "num_samples": len(rows), "family": loaded.annotations.family,
        "files": loaded.facts["files"], "wording": first.question,
    }  # fmt: skip
    words = [
        name,
        loaded.annotations.family or "test",
        str(len(rows)),
        *([first.template] if first.template != "A" else []),
    ]
    out = shelf.cache / "benchmarks" / "-".join(words)
    if is_made(out, asked):
        return out
    obtained = obtain([image for row in rows for image in row.images], shelf)
    lost = [f"row {row.id}: {obtained.problems[i]}" for row in rows for i in row.images if i in obtained.problems]
    if lost:
        named = "; ".join(lost[:MAX_NAMED]) + (f" and {len(lost) - MAX_NAMED:,} more" if lost[MAX_NAMED:] else "")
        raise InputError(f"{name}: {named}; pass local copies with --image-root, or leave {name} out of --suite")
    facts = {"homepage": source.homepage, "license": asdict(source.license), **loaded.facts}
    if boxes := {row.id: row.boxes for row in rows if isinstance(row, BoxedRow) and row.boxes}:
        facts["boxes"] = boxes
    files = ([obtained.paths[image].read_bytes() for image in row.images] for row in rows)
    samples = (ask_row(source, 0, row, each) for row, each in zip(rows, files, strict=True))
    with new_directory(out, overwrite=True) as directory:  # the cache is the kit's own
        made = write_samples(directory, track(samples, len(rows), f"Writing {name}"))
        skipped = dict(sorted(loaded.annotations.skipped.items()))
        write_manifest(directory, asked, made | {"sources": {name: facts | {"skipped": skipped}}})
    if skipped:
        console.print(f"{name}: {skipped} of its rows are not asked", soft_wrap=True)
    return out
