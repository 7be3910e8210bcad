"""The Specialized Mix (paper, section 4.2 and appendix A.3): rows drawn from several sources into one dataset.

Annotations come first, rows are drawn from them, and only the images of drawn rows are fetched.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError, check_known, choices, chosen
from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.plugins import discover
from pgt_lora.core.streams import stream
from pgt_lora.core.terminal import track
from pgt_lora.core.workspace import is_hub_id, user_cache
from pgt_lora.data.directory import read_manifest, write_manifest, write_samples
from pgt_lora.data.generate import SPLITS
from pgt_lora.data.mix.draw import apportion, clean, enough, images_of, ordered
from pgt_lora.data.mix.exclusion import Exclusion, excluded, label
from pgt_lora.data.mix.images import Shelf, stores
from pgt_lora.data.mix.pools import Candidate, Pool, annotated, directory, generated
from pgt_lora.data.readers.named import as_directory
from pgt_lora.data.sample import Sample
from pgt_lora.data.sources.source import ImageRef, Source, SourceSettings
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.data.turns import widest


class OnMissing(StrEnum):
    """What is done where an image of a drawn row cannot be had."""

    ERROR = "error"
    REDRAW = "redraw"


def build_mix(
    out: Path,
    *,
    num_samples: int | None,
    seed: int,
    split: str = "train",
    shares: Mapping[str, float] | None = None,
    balanced: bool = False,
    annotations: Mapping[str, str | Path] | None = None,
    image_root: Path | None = None,
    overwrite: bool = False,
    exclude: Sequence[str] = (),
    on_missing: str = OnMissing.ERROR,
    settings: SourceSettings | None = None,
    pgt_settings: TaskSettings | None = None,
    cache: Path | None = None,
    mirrors: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Write a dataset directory of rows drawn from one split of several sources; return its manifest.

    Without `num_samples`, these are all rows of one source.

    `shares` weigh sources, `pgt`, dataset directories and what can be imported; the three sources alike by default.
    A `balanced` draw is as even as can be over what a source says of its rows (`Row.strata`).
    `annotations` say where a source's annotations lie (a file, a directory or a Hub id), else they are downloaded.
    Images are those of `image_root`, else they are fetched into `cache`, from `mirrors` where one is given for a host.

    Raises:
        InputError: `out` exists, a source has too few rows, an image is missing, something cannot be downloaded, or
            rows cannot be balanced. Nothing but the cache is left behind then.
    """
    settings = settings or SourceSettings()
    shares = dict(shares or default_shares())
    if num_samples is None and not (len(shares) == 1 and shares.keys() <= sources().keys()):
        raise InputError("--all needs a single source; give --shares NAME=1, or --num-samples")
    if split not in SPLITS:
        raise InputError(f"--split {split!r}: known: {choices(SPLITS)}")
    counts = apportion(len(shares) if num_samples is None else num_samples, shares)
    redraws = chosen("--on-missing", on_missing, OnMissing) == OnMissing.REDRAW
    if len({_label(name) for name in shares}) < len(shares):
        raise InputError(f"--shares: two directories with the same name among {choices(shares)}; rename one")
    annotations = annotations or {}
    check_known("--annotations", annotations, sources())
    check_known("--mirror", mirrors or {}, [name for name, store in stores().items() if store.host or store.archive])
    shelf = Shelf(cache or user_cache(), image_root, hosts=dict(mirrors or {}))
    with new_directory(out, overwrite) as partial:
        ruled_out = excluded(exclude, settings, shelf, annotations)
        pools = {
            name: open_pool(name, count, split, annotations.get(name), settings, shelf, seed, pgt_settings)
            for name, count in counts.items()
        }
        _one_family(pools, ruled_out)
        shelf = replace(shelf, revisions=archive_revisions(pools))
        eligible, removed = clean(pools, ruled_out)
        drawn = {name: ordered(stream(seed, "mix", "draw", name), rows, balanced) for name, rows in eligible.items()}
        if num_samples is None:
            counts = {name: len(rows) for name, rows in drawn.items()}
        enough(drawn, counts, pools, removed)
        paths, redrawn = images_of(drawn, counts, pools, shelf, redraws)
        taken = [candidate for name in counts for candidate in drawn[name][: counts[name]]]
        stream(seed, "mix", "order").shuffle(taken)
        form = widest(pool.form for pool in pools.values())
        made = write_samples(partial, track(_samples(taken, paths), len(taken), "Writing rows"), form)
        made["sources"] = {
            _label(name): pool.facts
            | {"rows": len(pool.candidates), "removed": dict(sorted(removed[name].items()))}
            | {"redrawn": redrawn[name], "drawn": counts[name]}
            for name, pool in pools.items()
        }
        asked = request(
            num_samples=num_samples, seed=seed, split=split, shares=shares, balanced=balanced, exclude=exclude,
            on_missing=on_missing, settings=settings, pgt_settings=pgt_settings,
        )  # fmt: skip
        write_manifest(partial, asked, made)
    return read_manifest(out)


def request(
    *,
    num_samples: int | None,
    seed: int,
    split: str = "train",
    shares: Mapping[str, float] | None = None,
    balanced: bool = False,
    exclude: Sequence[str] = (),
    on_missing: str = OnMissing.ERROR,
    settings: SourceSettings | None = None,
    pgt_settings: TaskSettings | None = None,
) -> dict[str, Any]:
    """Return what a manifest records as asked for; local paths are cut to their last part."""
    switches = asdict(settings or SourceSettings())
    switches["vg_to_coco"] = len(switches["vg_to_coco"])
    shares = shares or default_shares()
    if "pgt" in shares:
        pgt = pgt_settings or TaskSettings()
        switches |= {"canvas": str(pgt.canvas), "max_count": pgt.max_count}
    return {
        "num_samples": num_samples,
        "seed": seed,
        "split": split,
        "source": "mix",
        "balanced": balanced,
        "shares": {_label(name): float(share) for name, share in sorted(shares.items())},
        "exclude": [label(entry) for entry in exclude],
        "on_missing": on_missing,
        **switches,
    }


def sources() -> dict[str, Source]:
    """Return the known sources by name."""
    return discover("pgt_lora.data.sources", "SOURCE")


def default_shares() -> dict[str, float]:
    """Return equal shares of the sources that say that they belong to the mix."""
    return {name: 1.0 for name, source in sources().items() if source.in_default_mix}


def archive_revisions(pools: Mapping[str, Pool]) -> dict[str, str]:
    """Return the revisions of the archives of images: those of the annotations beside them that were read."""
    return {
        store.name: pool.facts["revision"]
        for name, pool in pools.items()
        if "revision" in pool.facts and name in sources()
        for store in sources()[name].stores
        if store.archive
    }


def open_pool(
    name: str,
    count: int,
    split: str,
    given: str | Path | None,
    settings: SourceSettings,
    shelf: Shelf,
    seed: int,
    pgt_settings: TaskSettings | None,
) -> Pool:
    """Return the rows that a share's name means: a source, `pgt`, or a dataset directory, imported where it is none."""
    if name in sources():
        return annotated(sources()[name], split, given, settings, shelf, seed)
    if name == "pgt":
        return generated(count, seed, split, pgt_settings or TaskSettings())
    if not Path(name).exists() and not is_hub_id(name.partition("@")[0]):
        known = choices([*sources(), "pgt"])
        raise InputError(f"--shares {name}: not a source ({known}), dataset directory, file or Hub id (owner/name)")
    return directory(as_directory(name))


def _one_family(pools: Mapping[str, Pool], ruled_out: Exclusion) -> None:
    families = {name: pool.facts["family"] for name, pool in pools.items() if "family" in pool.facts}
    families |= ruled_out.families
    if len(set(families.values())) > 1:
        told = ", ".join(f"{name} is {family}" for name, family in sorted(families.items()))
        raise InputError(f"VSR's split families overlap and are never mixed: {told}; use only one")


def _samples(chosen: Sequence[Candidate], paths: Mapping[ImageRef, Path]) -> Iterator[Sample]:
    for candidate in chosen:
        yield candidate.make([paths[each].read_bytes() for each in candidate.images])


def _label(name: str) -> str:
    return name if name in sources() or not Path(name).exists() else Path(name).resolve().name
