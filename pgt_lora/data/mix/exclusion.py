"""The images that evaluation uses, so that training does not: their groups, from benchmarks, directories or lists."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pgt_lora.core.errors import InputError, choices
from pgt_lora.core.plugins import discover
from pgt_lora.data.directory import MANIFEST
from pgt_lora.data.mix.annotations import load
from pgt_lora.data.mix.images import Shelf
from pgt_lora.data.mix.pools import directory
from pgt_lora.data.sources.source import SourceSettings

_GROUP = re.compile(r"^[\w-]+:\S+$")


@dataclass(frozen=True)
class Exclusion:
    """Groups that must not be trained on, each with the first list that it stands in, and VSR's family by list."""

    why: dict[str, str]
    families: dict[str, str]


def excluded(
    entries: Iterable[str], settings: SourceSettings, shelf: Shelf, annotations: Mapping[str, str | Path]
) -> Exclusion:
    """Read what `--exclude` names: `vsr` or `vsr=test.jsonl` (a source's test split), a dataset directory, a text file.

    A source's name alone means the test split beside its `annotations`, else that of its own origin. A text file has
    one group a line, such as `coco:296471`; lines that begin with # are comments.

    Raises:
        InputError: an entry is none of these.
    """
    found = Exclusion({}, {})
    for entry in entries:
        groups, family = _groups(entry, settings, shelf, annotations)
        found.why.update({group: label(entry) for group in groups if group not in found.why})
        if family:
            found.families[f"--exclude {entry}"] = family
    return found


def label(entry: str) -> str:
    """Return what the manifest calls an entry of `--exclude`: no path of this machine."""
    name = entry.partition("=")[0]
    return f"{name} test" if name in discover("pgt_lora.data.sources", "SOURCE") else Path(entry).resolve().name


def _groups(
    entry: str, settings: SourceSettings, shelf: Shelf, annotations: Mapping[str, str | Path]
) -> tuple[Iterable[str], str | None]:
    sources = discover("pgt_lora.data.sources", "SOURCE")
    name, _, given = entry.partition("=")
    if name in sources:
        beside = annotations.get(name)
        if beside is not None and Path(beside).is_file():
            beside = None  # it is the training split's own file
        found = load(sources[name], "test", given or beside, settings, shelf).annotations
        return (row.group for row in found.rows), found.family
    path = Path(entry)
    if (path / MANIFEST).is_file():
        pool = directory(path)
        return (candidate.group for candidate in pool.candidates), pool.facts.get("family")
    if not path.is_file():
        known = choices(sources)
        raise InputError(f"--exclude {entry}: not a source ({known}), dataset directory or text file of groups")
    groups = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            if not _GROUP.match(line.strip()):
                raise InputError(
                    f"{path}, line {number}: {line.strip()!r} is not a group; write coco:296471 or vg:2410408"
                )
            groups.append(line.strip())
    return groups, None
