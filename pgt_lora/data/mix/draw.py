"""Drawing the rows of a mix: how many of each source, which may be drawn, and whether their images are there."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from random import Random

from pgt_lora.core.errors import InputError, choices
from pgt_lora.core.files import file_digest
from pgt_lora.core.terminal import console
from pgt_lora.data.mix.exclusion import Exclusion
from pgt_lora.data.mix.images import Shelf, obtain
from pgt_lora.data.mix.pools import Candidate, Pool, free_id, same
from pgt_lora.data.sources.source import ImageRef

MAX_NAMED = 5  # of the images that are missing


def apportion(num_samples: int, shares: Mapping[str, float]) -> dict[str, int]:
    """Split a number by shares; what rounding leaves goes to the largest remainders.

    Raises:
        InputError: a source would get no row.
    """
    exact = {name: num_samples * share / sum(shares.values()) for name, share in sorted(shares.items())}
    counts = {name: int(value) for name, value in exact.items()}
    for name in sorted(exact, key=lambda each: counts[each] - exact[each])[: num_samples - sum(counts.values())]:
        counts[name] += 1
    if min(counts.values(), default=0) < 1:
        raise InputError(f"num_samples {num_samples}: too few for one row of each of {choices(shares)}")
    return counts


def clean(
    pools: Mapping[str, Pool], ruled_out: Exclusion
) -> tuple[dict[str, list[Candidate]], dict[str, Counter[str]]]:
    """Drop exact duplicates and excluded images; return what is left, and the counts of what was removed by reason.

    Another row of an id that is taken gets its share's name in front.
    """
    kept: dict[str, list[Candidate]] = {}
    removed: dict[str, Counter[str]] = {}
    seen: set[Hashable] = set()
    of_id: dict[str, Candidate] = {}
    for name, pool in pools.items():
        kept[name], removed[name] = [], Counter()
        for candidate in pool.candidates:
            first = of_id.get(candidate.id)
            if candidate.key in seen or (first and same(first, candidate)):
                removed[name]["exact duplicate"] += 1
            elif why := ruled_out.reason(candidate.group, candidate.digests):
                removed[name][f"image in {why}"] += 1
            else:
                kept[name].append(candidate.called(free_id(candidate.id, Path(name).resolve().name, of_id)))
                of_id[kept[name][-1].id] = candidate
            seen.add(candidate.key)
            of_id.setdefault(candidate.id, candidate)
    return kept, removed


def ordered(rng: Random, candidates: Sequence[Candidate], balanced: bool) -> list[Candidate]:
    """Return candidates in the order in which they are drawn; balanced, any first ones of them are as even as can be.

    They are even over the first of their strata as long as there are rows, then over the second, and so on, then over
    all strata together.

    Raises:
        InputError: candidates without strata cannot be balanced.
    """
    if not balanced:
        return rng.sample(candidates, len(candidates))
    if not all(each.strata for each in candidates):
        raise InputError("--balanced: only rows of coco_position can be balanced; leave it out")
    return [candidates[index] for index in evenly(rng, [each.strata for each in candidates])]


def evenly(rng: Random, strata_of: Sequence[tuple[str, ...]]) -> list[int]:
    """Return the indices of rows in an order any first ones of which are as even over their strata as can be."""
    waiting: dict[str, dict[tuple[str, ...], list[int]]] = {}
    for index in rng.sample(range(len(strata_of)), len(strata_of)):
        strata = strata_of[index]
        waiting.setdefault(strata[0], {}).setdefault(strata, []).append(index)
    taken: Counter[Hashable] = Counter()  # of each stratum, named by its place and itself, and of each whole
    order: list[int] = []
    while waiting:
        parts = waiting[min(waiting, key=lambda name: taken[0, name])]
        strata = min(parts, key=lambda whole: ([taken[each] for each in enumerate(whole)], taken[whole]))
        order.append(parts[strata].pop())
        taken.update([*enumerate(strata), strata])
        if not parts[strata]:
            del parts[strata]
        if not parts:
            del waiting[strata[0]]
    return order


def enough(
    drawn: Mapping[str, Sequence[Candidate]],
    counts: Mapping[str, int],
    pools: Mapping[str, Pool],
    removed: Mapping[str, Counter[str]],
    fewer: str,
) -> None:
    """Raise `InputError` that says how many rows there are, where went the others, and how to get more, or ask less."""
    for name, number in counts.items():
        count = max(1, number)  # where all rows are taken, there may be none left
        if len(drawn[name]) < count:
            gone = "".join(f", {number:,} removed ({why})" for why, number in sorted(removed[name].items()))
            left = f"{len(drawn[name]):,} of {len(pools[name].candidates):,} read"
            remedy = f"{fewer}, or {pools[name].wider}" if number else "check --image-root and --exclude"
            raise InputError(f"{name}: {count:,} rows are needed, but there are {left}{gone}; {remedy}")


def images_of(
    drawn: dict[str, list[Candidate]],
    counts: Mapping[str, int],
    shelf: Shelf,
    leaves_out: bool,
    paths: dict[ImageRef, Path],
) -> Counter[str]:
    """Get into `paths` the images of the first `counts` rows of each list of `drawn`; return how many rows have none.

    Such a row is an error that names it, or, with `leaves_out`, leaves its list, and the next one moves up.

    Raises:
        InputError: an image is missing.
    """
    wanted = {ref for name, count in counts.items() for row in drawn[name][:count] for ref in row.images}
    obtained = obtain(wanted - paths.keys(), shelf)
    paths |= obtained.paths
    lost = {
        name: [row for row in drawn[name][:count] if not obtained.problems.keys().isdisjoint(row.images)]
        for name, count in counts.items()
    }
    told = [f"row {row.id}: {_problem(row, obtained.problems)}" for rows in lost.values() for row in rows]
    if told:
        named = "; ".join(told[:MAX_NAMED]) + (f" and {len(told) - MAX_NAMED:,} more" if told[MAX_NAMED:] else "")
        if not leaves_out:
            raise InputError(f"{named}; fix this, or pass --on-missing redraw")
        console.print(f"{len(told):,} rows are left out: {named}", soft_wrap=True, highlight=False)
    for name, rows in lost.items():
        gone = {row.id for row in rows}
        drawn[name] = [row for row in drawn[name] if row.id not in gone]
    return Counter({name: len(rows) for name, rows in lost.items()})


def leave_out(
    drawn: dict[str, list[Candidate]],
    counts: Mapping[str, int],
    paths: Mapping[ImageRef, Path],
    ruled_out: Exclusion,
    removed: Mapping[str, Counter[str]],
) -> bool:
    """Drop the rows to be taken that show an excluded image, which is known once it is here; tell whether any did."""
    if not any(isinstance(each, bytes) for each in ruled_out.why):
        return False
    digests = {each: bytes.fromhex(file_digest(path)) for each, path in paths.items()}
    found = False
    for name, count in counts.items():
        reasons = {
            row.id: ruled_out.reason(row.group, [digests[each] for each in row.images]) for row in drawn[name][:count]
        }
        gone = {row_id: why for row_id, why in reasons.items() if why}
        removed[name].update(f"image in {why}" for why in gone.values())
        drawn[name] = [row for row in drawn[name] if row.id not in gone]
        found |= bool(gone)
    return found


def _problem(row: Candidate, problems: Mapping[ImageRef, str]) -> str:
    return next(problems[each] for each in row.images if each in problems)
