"""The sources of a dataset's rows: under what terms they come, and how many rows are of each."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.data.schema import renamed

OWN_LICENSE = {"annotations": "Apache-2.0", "images": "Apache-2.0", "redistributable": True}


def sources_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sources that a manifest lists; what `generate` wrote is the project's own."""
    return renamed(manifest).get("sources") or {manifest["asked"].get("source", "pgt"): {"license": OWN_LICENSE}}


def drawn_sources(parts: Iterable[tuple[Path, Mapping[str, int]]]) -> dict[str, Any]:
    """Return the sources of rows that are drawn from dataset directories, given how many have which `source` in each.

    What two directories call the same has the terms of both.
    """
    found: dict[str, Any] = {}
    for path, counts in parts:
        for name, facts in _counted(path, counts).items():
            if name in found:
                first = found[name]
                facts = {key: value for key, value in first.items() if facts.get(key) == value} | {
                    "license": combined([first, facts]), "drawn": first["drawn"] + facts["drawn"],
                }  # fmt: skip
            found[name] = facts
    return found


def _counted(path: Path, counts: Mapping[str, int]) -> dict[str, Any]:
    """Return the sources of a directory with the numbers of rows that are drawn.

    A mix lists a directory that is mixed in by that one's name, but rows keep the source that they had there: they are
    told apart where it is the only such directory, else each of their sources has the terms of all of these.
    """
    sources, present = sources_of(read_manifest(path)), set(open_dataset(path, read_images=False)["source"])
    unnamed = {name: facts for name, facts in sources.items() if name not in present}
    others = sorted(present - sources.keys())
    found = {name: facts | {"drawn": counts.get(name, 0)} for name, facts in sources.items()}
    if len(unnamed) == 1:
        (name,) = unnamed
        found[name]["drawn"] = sum(counts.get(each, 0) for each in others)
    elif others:
        shared: dict[str, Any] = {"license": combined((unnamed or sources).values())}
        for facts in unnamed.values():
            shared |= {key: facts[key] for key in ("family",) if key in facts}
        found = {name: facts for name, facts in found.items() if name not in unnamed}
        found |= {name: shared | {"drawn": counts.get(name, 0)} for name in others}
    return found


def combined(sources: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the license of several sources together."""
    terms = [facts["license"] for facts in sources]
    return {
        "annotations": "; ".join(dict.fromkeys(each["annotations"] for each in terms)),
        "images": "; ".join(dict.fromkeys(each["images"] for each in terms)),
        "redistributable": all(each["redistributable"] for each in terms),
    }
