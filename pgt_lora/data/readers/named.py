"""What a person types for data: a dataset directory, or what can be imported, which is done once and kept."""

import hashlib
import json
from pathlib import Path

from pgt_lora.core.workspace import data_directory
from pgt_lora.data.directory import MANIFEST, PARQUET, is_current, read_manifest
from pgt_lora.data.parquet import written_facts
from pgt_lora.data.readers.build import ImportSettings, import_data, reading_of
from pgt_lora.data.readers.places import open_table
from pgt_lora.data.readers.tables import Table
from pgt_lora.data.readers.values import Unreadable


def as_directory(name: str, by_reference: bool = False, limit: int | None = None) -> Path:
    """Return the dataset directory that a name means: itself, or an import of a file, a directory or a Hub id.

    An import is done once for a content; images that rows name by paths count by their sizes and times. With
    `by_reference`, an import leaves images that are files where they are. With a `limit`, so many rows are imported, at
    most; a directory that is one already has all of its rows.

    Raises:
        InputError: there is no such data, or it cannot be read.
    """
    from huggingface_hub.utils import WeakFileLock

    given = Path(name)
    if (given / MANIFEST).is_file() or written_facts(given / PARQUET) is not None:
        read_manifest(given)
        return given
    table = open_table(name).limited(limit)
    how = "references" if by_reference else "import"
    path = data_directory(f"{how}-{table.name.replace('/', '--').replace(':', '--')}-{_state(table)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(path.with_name(f".{path.name}.lock")):  # several processes may ask at once
        if not is_current(path):
            import_data(name, path, ImportSettings(by_reference=by_reference, limit=limit), overwrite=True)
    return path


def _state(table: Table) -> str:
    """Return a digest of what an import of a table would read."""
    asked: list[object] = [str(table.folder and table.folder.resolve()), table.facts]
    asked += [] if table.kept is None else [len(table.kept)]
    digest = hashlib.sha256(json.dumps(asked).encode())
    if table.folder is not None:
        reading = reading_of(table, ImportSettings())
        seen: set[Path] = set()
        for *_, values in table.numbered():
            try:
                # What is fetched from a store stays as it is.
                own = (picture for picture in reading.item(values).pictures if picture.shared is None)
                paths = {picture.path for picture in own if picture.path is not None}
            except Unreadable:
                continue  # which the import tells
            for path in sorted(paths - seen):
                state = path.stat()
                digest.update(f"{path} {state.st_size} {state.st_mtime_ns}\n".encode())
            seen |= paths
    return digest.hexdigest()[:16]
