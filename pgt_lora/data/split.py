"""A dataset directory divided in two that share no group, each with the answers or the places of the whole."""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.new_directory import check_free, new_directory
from pgt_lora.core.streams import stream
from pgt_lora.data.digests import image_digests
from pgt_lora.data.directory import open_dataset, read_manifest, write_manifest, write_rows
from pgt_lora.data.mix.terms import drawn_sources
from pgt_lora.data.readers.build import test_directory
from pgt_lora.data.readers.split import groups_of
from pgt_lora.data.readers.survey import Known
from pgt_lora.data.scene import Scene
from pgt_lora.data.turns import Form, columns, question
from pgt_lora.data.weights import tasks

LAST = chr(0x10FFFF)  # behind any name: a group that shares no image keeps its name, by which it is drawn


class Stratify(StrEnum):
    """What both parts have in the shares that the whole has."""

    NONE = "none"
    ANSWER = "answer"
    CELL = "cell"


class By(StrEnum):
    """What is never in both parts. Where it is the cell, it is the group, too."""

    GROUP = "group"
    CELL = "cell"


def split(
    data: Path,
    out: Path,
    share: float,
    *,
    stratify: Stratify = Stratify.NONE,
    by: By = By.GROUP,
    seed: int = 0,
    overwrite: bool = False,
) -> tuple[Path, Path]:
    """Write a share of the rows of a dataset directory into `OUT-test`, and the others into `out`.

    Raises:
        InputError: the share is none, all rows are of one group, a row has no place, or a directory exists.
    """
    if not 0 < share < 1:
        raise InputError(f"--share {share:g}: must lie between 0 and 1")
    check_free(out, overwrite)
    manifest, rows = read_manifest(data), open_dataset(data)
    form = Form(manifest["rows"])
    known = rows.select_columns(["id", "source", "task", "answer", "group", "scene", *columns(form)]).to_list()
    cells = [cell_of(row) for row in known] if Stratify.CELL in (stratify, by) else []
    groups = groups_of(
        {n: Known(row["id"], keys, None) for n, (row, keys) in enumerate(_keyed(data, known, by, cells))}
    )
    strata: Mapping[Stratify, Sequence[Hashable]] = {
        Stratify.ANSWER: [row["answer"] for row in known], Stratify.CELL: cells, Stratify.NONE: [""] * len(known),
    }  # fmt: skip
    held_out = stratified(stream(seed, "split", manifest["content_hash"]), groups, strata[stratify], share)
    parts = {out: False, test_directory(out): True}
    with ExitStack() as stack:
        directories = [stack.enter_context(new_directory(each, overwrite)) for each in parts]
        for directory, is_test in zip(directories, parts.values(), strict=True):
            chosen = [n for n in range(len(known)) if (n in held_out) == is_test]
            made = write_rows(directory, rows.select(chosen), form)
            made["sources"] = drawn_sources([(data, Counter(known[n]["source"] for n in chosen))])
            asked = split_request(data, share, stratify, by=by, seed=seed, is_test=is_test)
            write_manifest(directory, asked, made)
    return out, test_directory(out)


def _keyed(
    data: Path, known: Sequence[Mapping[str, Any]], by: By, cells: Sequence[tuple[int, int]]
) -> Iterator[tuple[Mapping[str, Any], tuple[str, ...]]]:
    """Yield each row with what it shares with the rows of its group: the group's name, its images, maybe its cell."""
    for n, (row, digests) in enumerate(zip(known, image_digests(data), strict=True)):
        cell = (f"cell {cells[n]}",) if by == By.CELL else ()
        yield row, (row["group"], *cell, *(f"{LAST}{digest.hex()}" for digest in digests))


def split_request(
    data: Path, share: float, stratify: Stratify, *, is_test: bool, by: By = By.GROUP, seed: int = 0
) -> dict[str, Any]:
    """Return what the manifest of one of the parts records as asked for."""
    return {
        "source": "split", "of": read_manifest(data)["content_hash"], "share": share, "stratify": stratify.value,
        "by": by.value, "seed": seed, "part": "test" if is_test else "train",
    }  # fmt: skip


def cell_of(row: Mapping[str, Any]) -> tuple[int, int]:
    """Return the cell of its task's map, column and row, in which the one object that a row asks about lies.

    Raises:
        InputError: the row's scene is not known, or it asks about several objects.
    """
    task = tasks().get(row["task"])
    sees = task.traits if task and row["scene"] else None
    traits = sees(Scene.from_json(row["scene"]), question(row)) if sees else None
    if traits is None or len(traits.places) != 1:
        raise InputError(f"row {row['id']}: has no single object, so no cell; leave out cell, or use answer")
    x, y = (min(int(traits.grid * each), traits.grid - 1) for each in traits.places[0])
    return x, y


def stratified(rng: Random, groups: Mapping[int, str], strata: Sequence[Hashable], share: float) -> set[int]:
    """Return the rows of whole groups that make up a share of the rows, and as nearly as can be of each stratum.

    Groups come in random order, and each is taken where that brings the counts of the strata nearer to what is wanted.

    Raises:
        InputError: all rows are of one group.
    """
    members: dict[str, list[int]] = {}
    for number, group in groups.items():
        members.setdefault(group, []).append(number)
    if len(members) < 2:
        raise InputError("all rows are in one group (--by), so none can be held out")
    missing = Counter(_wanted(rng, Counter(strata), share))
    taken: set[int] = set()
    for group in rng.sample(sorted(members), len(members)):
        more = Counter(strata[number] for number in members[group])
        nearer = sum(abs(missing[each]) - abs(missing[each] - count) for each, count in more.items())
        if nearer > 0:
            taken.update(members[group])
            missing.subtract(more)
    return taken or set(members[min(members, key=lambda group: (len(members[group]), group))])


def _wanted(rng: Random, sizes: Mapping[Hashable, int], share: float) -> dict[Hashable, int]:
    """Return how many rows of each stratum are wanted; what rounding leaves goes to the largest remainders."""
    whole = max(1, round(share * sum(sizes.values())))
    wanted = {each: int(share * size) for each, size in sizes.items()}
    drawn = rng.sample(sorted(sizes, key=str), len(sizes))
    for each in sorted(drawn, key=lambda each: wanted[each] - share * sizes[each])[: whole - sum(wanted.values())]:
        wanted[each] += 1
    return wanted
