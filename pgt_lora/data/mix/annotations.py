"""Getting annotation files: given ones, or downloaded; and reading them with their source's own function."""

import re
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import file_digest
from pgt_lora.core.terminal import console, telling
from pgt_lora.data import fetch
from pgt_lora.data.mix.images import Shelf
from pgt_lora.data.sources.source import Annotations, Source, SourceSettings

_HUB_ID = re.compile(r"^[\w-][\w.-]*/[\w-][\w.-]*(@[\w./-]+)?$")


@dataclass(frozen=True)
class Loaded:
    """Rows, and for the manifest where they come from: origin, revision and the SHA-256 of each file."""

    annotations: Annotations
    facts: dict[str, Any]


def load(source: Source, split: str, given: str | Path | None, settings: SourceSettings, shelf: Shelf) -> Loaded:
    """Read the annotations of one split of a source.

    `given` is a file, a directory, a Hub id (`owner/name@revision`) or None for the source's own origin.

    Raises:
        InputError: there are none, they cannot be downloaded, or a row is not of the original schema.
    """
    facts: dict[str, Any] = {}
    origin = str(given) if given is not None else source.origin(settings)
    names = source.files(split, settings)
    if not names:
        raise InputError(f"{source.name}: it has no {split} split")
    if given is not None and Path(given).is_file():
        paths = [Path(given)]
    elif given is not None and Path(given).is_dir():
        paths = _matching(Path(given), names)
    elif origin.startswith("http"):
        path = shelf.cache / "annotations" / source.name / _cached(origin, given is not None)
        _download(origin, path, shelf)
        paths, facts = [path], {"origin": origin}
    elif _HUB_ID.match(origin):
        directory, revision = _snapshot(origin, names, source.name)
        paths, facts = _matching(directory, names), {"origin": origin.partition("@")[0], "revision": revision}
    else:
        raise InputError(f"--annotations {source.name}={origin}: no such file or directory, and no Hub id (owner/name)")
    if not paths:
        raise InputError(f"{origin}: no {split} annotations of {source.name} there; looked for {', '.join(names)}")
    parts = [source.read(path, split, settings) for path in paths]
    facts["files"] = {path.name: file_digest(path) for path in paths}
    skipped = sum((Counter(part.skipped) for part in parts), Counter[str]())
    notes = tuple(note for part in parts for note in part.notes)
    if notes:
        facts["notes"] = list(notes)
        console.print("\n".join(notes), soft_wrap=True, highlight=False)
    rows = tuple(row for part in parts for row in part.rows)
    return Loaded(Annotations(rows, skipped, parts[0].family, notes), facts)


def _cached(url: str, is_given: bool) -> str:
    """Return where a URL's file lies in the cache; of given ones, two may end in the same name."""
    name = url.rsplit("/", 1)[-1]
    return f"{sha256(url.encode()).hexdigest()[:16]}/{name}" if is_given else name


def _matching(directory: Path, names: tuple[str, ...]) -> list[Path]:
    found = (sorted(path for path in directory.glob(name) if path.is_file()) for name in names)
    return next((paths for paths in found if paths), [])


def _download(url: str, path: Path, shelf: Shelf) -> None:
    if path.is_file():
        return
    try:
        with telling(lambda: f"{url}: {fetch.bytes_so_far(path):,} bytes so far"):
            fetch.download(url, path, shelf.wait, fetch.ANNOTATION_BYTES)
    except fetch.Missing as error:
        raise InputError(f"{url}: {error}; pass local files with --annotations") from error


def _snapshot(origin: str, names: tuple[str, ...], source: str) -> tuple[Path, str]:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HTTPError

    repo, _, revision = origin.partition("@")
    try:
        directory = snapshot_download(repo, repo_type="dataset", revision=revision or None, allow_patterns=list(names))
    except (OSError, ValueError, HTTPError) as error:
        reason = str(error).strip().split("\n")[0]
        raise InputError(
            f"{origin}: cannot be downloaded ({reason}); pass local files with --annotations {source}=PATH"
        ) from error
    return Path(directory), Path(directory).name  # the folder of a snapshot is named by its commit
