"""The Specialized Mix (paper, section 4.2 and appendix A.3): rows drawn from several sources into one dataset.

Annotations come first, rows are drawn from them, and only the images of drawn rows are fetched.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError, check_known, choices
from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.streams import stream
from pgt_lora.core.terminal import track
from pgt_lora.core.workspace import is_hub_id, user_cache
from pgt_lora.data.directory import read_manifest, write_manifest, write_samples
from pgt_lora.data.mix.draw import clean, enough, images_of, leave_out, ordered
from pgt_lora.data.mix.exclusion import Exclusion, excluded
from pgt_lora.data.mix.images import Shelf, stores
from pgt_lora.data.mix.pools import Candidate, Pool, annotated, directory, generated
from pgt_lora.data.mix.request import MixRequest, OnMissing, name_of, sources
from pgt_lora.data.readers.named import as_directory
from pgt_lora.data.sample import Sample
from pgt_lora.data.sources.source import ImageRef
from pgt_lora.data.turns import widest


def build_mix(
    out: Path,
    asked: MixRequest,
    *,
    annotations: Mapping[str, str | Path] | None = None,
    image_root: Path | None = None,
    cache: Path | None = None,
    mirrors: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write a dataset directory of rows drawn from one split of several sources; return its manifest.

    `annotations` say where a source's annotations lie (a file, a directory or a Hub id), else they are downloaded.
    Images are those of `image_root`, else they are fetched into `cache`, from `mirrors` where one is given for a host.

    Raises:
        InputError: `out` exists, a source has too few rows, an image is missing, something cannot be downloaded, or
            rows cannot be balanced. Nothing but the cache is left behind then.
    """
    asked.check()
    annotations, counts = annotations or {}, asked.counts()
    check_known("--annotations", annotations, sources())
    check_known("--mirror", mirrors or {}, [name for name, store in stores().items() if store.host or store.archive])
    shelf = Shelf(cache or user_cache(), image_root, hosts=dict(mirrors or {}))
    with new_directory(out, overwrite) as partial:
        ruled_out = excluded(asked.exclude, asked.settings, shelf, annotations)
        pools = {name: open_pool(name, count, asked, annotations.get(name), shelf) for name, count in counts.items()}
        _one_family(pools, ruled_out)
        shelf = replace(shelf, revisions=archive_revisions(pools))
        eligible, removed = clean(pools, ruled_out)
        drawn = {
            name: ordered(stream(asked.seed, "mix", "draw", name), rows, asked.balanced)
            for name, rows in eligible.items()
        }
        paths: dict[ImageRef, Path] = {}
        redrawn: Counter[str] = Counter()
        while True:
            if asked.num_samples is None:
                counts = {name: len(rows) for name, rows in drawn.items()}
            gone = {name: removed[name] + _missing(redrawn[name]) for name in counts}
            enough(drawn, counts, pools, gone, asked.fewer)
            lost = images_of(drawn, counts, shelf, asked.on_missing == OnMissing.REDRAW, paths)
            redrawn += lost
            if not lost.total() and not leave_out(drawn, counts, paths, ruled_out, removed):
                break
        if asked.num_samples is None:  # nothing was drawn in the place of what is missing
            removed, redrawn = {name: removed[name] + _missing(redrawn[name]) for name in counts}, Counter()
        taken = [candidate for name in counts for candidate in drawn[name][: counts[name]]]
        stream(asked.seed, "mix", "order").shuffle(taken)
        form = widest(pool.form for pool in pools.values())
        made = write_samples(partial, track(_samples(taken, paths), len(taken), "Writing rows"), form)
        made["sources"] = {
            name_of(name): pool.facts
            | {"rows": len(pool.candidates), "removed": dict(sorted(removed[name].items()))}
            | {"redrawn": redrawn[name], "drawn": counts[name]}
            for name, pool in pools.items()
        }
        write_manifest(partial, asked.facts(), made)
    return read_manifest(out)


def archive_revisions(pools: Mapping[str, Pool]) -> dict[str, str]:
    """Return the revisions of the archives of images: those of the annotations beside them that were read."""
    return {
        store.name: pool.facts["revision"]
        for name, pool in pools.items()
        if "revision" in pool.facts and name in sources()
        for store in sources()[name].stores
        if store.archive
    }


def open_pool(name: str, count: int, asked: MixRequest, given: str | Path | None, shelf: Shelf) -> Pool:
    """Return the rows that a share's name means: a source, `pgt`, or a dataset directory, imported where it is none."""
    if name in sources():
        return annotated(sources()[name], asked.split, given, asked.settings, shelf, asked.seed)
    if name == "pgt":
        return generated(count, asked.seed, asked.split, asked.pgt)
    if not Path(name).exists() and not is_hub_id(name.partition("@")[0]):
        known = choices([*sources(), "pgt"])
        raise InputError(f"--shares {name}: not a source ({known}), dataset directory, file or Hub id (owner/name)")
    return directory(as_directory(name))


def _missing(number: int) -> Counter[str]:
    """Return so many rows under the reason that their images are missing; nothing where there are none."""
    return +Counter({"image missing": number})


def _one_family(pools: Mapping[str, Pool], ruled_out: Exclusion) -> None:
    families = {name: pool.facts["family"] for name, pool in pools.items() if "family" in pool.facts}
    families |= ruled_out.families
    if len(set(families.values())) > 1:
        told = ", ".join(f"{name} is {family}" for name, family in sorted(families.items()))
        raise InputError(f"VSR's split families overlap and are never mixed: {told}; use only one")


def _samples(chosen: Sequence[Candidate], paths: Mapping[ImageRef, Path]) -> Iterator[Sample]:
    for candidate in chosen:
        yield candidate.make([paths[each].read_bytes() for each in candidate.images])
