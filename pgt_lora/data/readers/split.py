"""The division into train and test, which never cuts through the rows that share an image."""

from collections import Counter
from collections.abc import Mapping
from hashlib import sha256

from pgt_lora.core.errors import InputError
from pgt_lora.data.readers.survey import NAMED, Known


def groups_of(rows: Mapping[int, Known]) -> dict[int, str]:
    """Return the group of each row: rows that share an image, or a group that they name, are of one."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for row in rows.values():
        for key in row.keys[1:]:
            one, other = sorted((root(row.keys[0]), root(key)))
            parent[other] = one
    return {number: root(row.keys[0]).removeprefix(NAMED) for number, row in rows.items()}


def by_share(groups: Mapping[int, str], share: float) -> set[int]:
    """Return the rows of the test split: whole groups, in an order that their images' content alone decides.

    Raises:
        InputError: all rows are of one group.
    """
    sizes = Counter(groups.values())
    if len(sizes) < 2:
        raise InputError("--test: all rows share one image or group, so none can be held out; leave out --test")
    wanted, num_taken = max(1, round(share * len(groups))), 0
    taken = set()
    for group in sorted(sizes, key=lambda name: sha256(name.encode()).digest()):
        if num_taken + sizes[group] <= wanted:
            taken.add(group)
            num_taken += sizes[group]
    taken = taken or {min(sizes, key=lambda name: (sizes[name], name))}
    return {number for number, group in groups.items() if group in taken}


def by_column(rows: Mapping[int, Known], groups: Mapping[int, str]) -> set[int]:
    """Return the rows of the test split that a column names.

    Raises:
        InputError: a group has rows on both sides, or a side has none.
    """
    test = {number for number, row in rows.items() if row.side == "test"}
    first = {groups[number]: rows[number].where for number in sorted(set(rows) - test, reverse=True)}
    if not test or not first:
        raise InputError(f"--split-column: no rows of {'test' if first else 'train'}; leave it out")
    leaks = [number for number in sorted(test) if groups[number] in first]
    if leaks:
        raise InputError(
            f"--split-column: {len(leaks):,} test rows show images of train rows, first {rows[leaks[0]].where} "
            f"and {first[groups[leaks[0]]]}; fix the column, or divide by image with --test 0.1"
        )
    return test
