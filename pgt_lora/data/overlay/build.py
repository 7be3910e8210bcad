"""The overlay of a dataset, as a plan or with pixels: made in shards by any number of processes, and gone on with."""

import shutil
from collections import Counter
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import json_or_none, write_json
from pgt_lora.core.new_directory import check_free, replace
from pgt_lora.core.terminal import track
from pgt_lora.core.versions import versions
from pgt_lora.core.workers import check_number, in_order
from pgt_lora.data.directory import IMAGE_ROOT, VERSIONS, read_manifest, write_manifest
from pgt_lora.data.overlay.originals import Originals, originals, place_of, taken
from pgt_lora.data.overlay.plan import OverlaySettings, Seen, within_long_side
from pgt_lora.data.overlay.shard import SEPARATE, OverlayJob, made_shard, write_shard
from pgt_lora.data.parquet import total, write_shard_lines

ROWS_PER_SHARD = 1000
MAX_SHARDS = 1024
RECORD = "overlay.json"  # of a job that is not finished


def overlay_data(
    source: str,
    out: Path,
    settings: OverlaySettings,
    *,
    render: bool = False,
    seen: Seen = within_long_side,
    num_shards: int | None = None,
    num_proc: int = 1,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write the rows that a name means into a dataset directory of conversations, and return its manifest.

    It is a plan, whose images are drawn over when they are read, or holds pixels with `render`. `seen` is the size in
    which the model sees an image of a size. What was begun in `OUT.unfinished` is gone on with.

    Raises:
        InputError: there are no such rows, an image of a chosen one cannot be read, or nothing would be written.
    """
    check_number(num_proc)
    job = begin(source, out, settings, render=render, seen=seen, num_shards=num_shards, overwrite=overwrite)
    shards = in_order(partial(write_shard, job), range(job.num_shards), num_proc, at_once=1)
    try:
        for _ in track(shards, job.num_shards, "Drawing over photographs"):
            pass
        return finish(job, out, overwrite)
    except InputError:
        if not any(job.directory.glob("data/*.parquet")):
            shutil.rmtree(job.directory, ignore_errors=True)
        raise


def begin(
    source: str,
    out: Path,
    settings: OverlaySettings,
    *,
    render: bool = False,
    seen: Seen = within_long_side,
    num_shards: int | None = None,
    overwrite: bool = False,
) -> OverlayJob:
    """Return the job that makes `out`, in a directory beside it that holds what an earlier run has made of the same.

    Raises:
        InputError: there are no such rows, `out` exists, or something else was begun there.
    """
    settings.check()
    if num_shards is not None and num_shards < 1:
        raise InputError(f"--shards {num_shards}: at least one is needed")
    check_free(out, overwrite)
    place = place_of(source, settings.limit).resolve()
    taken.cache_clear()
    originals.cache_clear()  # what lies there may have changed since
    rows = originals(place)
    if settings.separate:
        _check_separate(rows, source)
    num_rows = len(taken(place, settings.limit))
    number = num_shards or min(MAX_SHARDS, ceil(num_rows / ROWS_PER_SHARD))
    job = OverlayJob(place, unfinished(out).absolute(), settings, min(number, num_rows), seen, render)
    _claim(job, out, overwrite)
    return job


def _check_separate(rows: Originals, source: str) -> None:
    """Raise `InputError` where a row has the id that another one's overlay gets; only such ids are held in memory."""
    places = range(len(rows))
    of_overlays = {name.removesuffix(SEPARATE) for name in map(rows.id, places) if name.endswith(SEPARATE)}
    again = map(rows.id, places) if of_overlays else ()
    if name := next((name for name in again if name in of_overlays), None):
        raise InputError(f"{source}: row {name + SEPARATE}: has the id of the overlay of {name}")


def unfinished(out: Path) -> Path:
    """Return where an overlay lies until it is whole."""
    return out.with_name(f"{out.name}.unfinished")


def _claim(job: OverlayJob, out: Path, overwrite: bool) -> None:
    """Make a job's directory, or go on with what lies there where it is of the same job."""
    directory, record = job.directory, job.directory / RECORD
    told = {"job": job.digest, "asked": job.asked, "num_shards": job.num_shards}
    before = json_or_none(record)
    if before == told:
        return
    if directory.exists() and before is None:
        raise InputError(f"{directory}: already exists without {RECORD}; move it elsewhere")
    if before is not None and any(directory.glob("data/*.parquet")) and not overwrite:
        raise InputError(
            f"{directory}: holds shards of another overlay (other settings, source or versions); the same "
            f"command as before resumes it; pass --overwrite to start over, or choose another --out than {out}"
        )
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    write_json(record, told)


def finish(job: OverlayJob, out: Path, overwrite: bool = False) -> dict[str, Any]:
    """Put the directory of a job into its place, its manifest written last, once every shard is there.

    Raises:
        InputError: a shard is not there, no row was written, or `out` exists.
    """
    directory = job.directory
    shards = [made_shard(job, shard) for shard in range(job.num_shards)]
    if missing := [shard for shard, facts in enumerate(shards) if facts is None]:
        raise InputError(
            f"{job.path(missing[0])}: is one of {len(missing):,} missing shards; run the same command to make them"
        )
    made = [{name: value for name, value in facts.items() if name != "job"} for facts in shards if facts]
    facts, outcomes = total(made), Counter[str]()
    for each in made:
        outcomes.update(each["overlay"])
    if not facts["num_samples"]:
        shutil.rmtree(directory)
        told = ", ".join(f"{name}: {number:,}" for name, number in sorted(outcomes.items())) or "none is chosen"
        raise InputError(f"{job.source}: no photograph was drawn over ({told}); give a larger --proportion")
    for left in (directory / "data").glob("*.partial-*"):
        left.unlink()  # of a process that died, maybe on another machine: no rows of the dataset's
    rows = originals(job.source)
    sources = rows.sources(_source_counts(directory))
    facts |= {"versions": versions(*VERSIONS), "sources": sources, "overlay": dict(sorted(outcomes.items()))}
    if not job.render:
        facts[IMAGE_ROOT] = str(rows.root.resolve()) if str(rows.root) != "." else ""
    write_shard_lines(directory, made)
    write_manifest(directory, job.asked, facts)
    (directory / RECORD).unlink()
    check_free(out, overwrite)  # it may have come meanwhile
    replace(out, directory)
    return read_manifest(out)


def _source_counts(directory: Path) -> Counter[str]:
    """Return how many of the rows in a job's directory have which `source`."""
    from pyarrow import dataset

    counted = dataset.dataset(directory / "data").to_table(columns=["source"])["source"].value_counts()
    return Counter({str(each["values"]): each["counts"].as_py() for each in counted})
