"""The images that evaluation uses, so that training does not: from benchmarks, dataset directories or lists."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
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
    """What must not be trained on: groups, and images by their digests, each with the first list that it stands in.

    `families` is VSR's family by list.
    """

    why: dict[str | bytes, str]
    families: dict[str, str]

    def reason(self, group: str, digests: Iterable[bytes]) -> str | None:
        """Return the list in which a row's group or one of its images stands, or None."""
        return next((self.why[each] for each in (group, *digests) if each in self.why), None)


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
        shown, family = _shown(entry, settings, shelf, annotations)
        found.why.update({each: label(entry) for each in shown if each not in found.why})
        if family:
            found.families[f"--exclude {entry}"] = family
    return found


def label(entry: str) -> str:
    """Return what the manifest calls an entry of `--exclude`: no path of this machine."""
    name = entry.partition("=")[0]
    return f"{name} test" if name in discover("pgt_lora.data.sources", "SOURCE") else Path(entry).resolve().name


def _shown(
    entry: str, settings: SourceSettings, shelf: Shelf, annotations: Mapping[str, str | Path]
) -> tuple[Iterable[str | bytes], str | None]:
    """Return the groups that an entry names and, of a dataset directory, its images' digests; and VSR's family."""
    sources = discover("pgt_lora.data.sources", "SOURCE")
    name, _, given = entry.partition("=")
    if name in sources:
        beside = annotations.get(name)
        if beside is not None and _is_one_split(str(beside)):
            beside = None  # it is the training split's own file
        found = load(sources[name], "test", given or beside, settings, shelf).annotations
        return (row.group for row in found.rows), found.family
    path = Path(entry)
    if (path / MANIFEST).is_file():
        pool = directory(path)
        shown: Iterable[tuple[str | bytes, ...]] = ((each.group, *each.digests) for each in pool.candidates)
        return chain.from_iterable(shown), pool.facts.get("family")
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


def _is_one_split(annotations: str) -> bool:
    """Tell whether annotations are a file, here or elsewhere; an archive holds the file of every split."""
    is_file = annotations.startswith("http") or Path(annotations).is_file()
    return is_file and not annotations.endswith(".zip")
