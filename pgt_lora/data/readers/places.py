"""Where rows of other people's data lie: a file, a folder of images, a saved dataset, or the Hub."""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError, choices
from pgt_lora.core.files import file_digest
from pgt_lora.core.workspace import is_hub_id
from pgt_lora.data.directory import open_dataset
from pgt_lora.data.mix.terms import combined, sources_of
from pgt_lora.data.parquet import PARQUET, parquet_files, stored_columns, written_facts
from pgt_lora.data.readers.shards import check_whole, open_shards, splits_in
from pgt_lora.data.readers.tables import KINDS, ROWS_AT_A_TIME, Rows, Table, arrow_rows, open_file
from pgt_lora.data.seal import MANIFEST, checked_manifest

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")  # beside images, as `imagefolder` has it
SAVED = ("state.json", "dataset_dict.json")  # what `save_to_disk` leaves behind


def open_table(source: str, split: str | None = None, revision: str | None = None) -> Table:
    """Return the rows that a name means: a file, a directory, or a Hub id (`owner/name`, `owner/name:config@revision`).

    `split` names one of several; without it, `train` is taken where there are several.

    Raises:
        InputError: there is nothing of that name, or it has no such split.
    """
    path = Path(source)
    if path.exists():
        if revision is not None or (split is not None and path.is_file()):
            raise InputError(f"{source}: a {'file' if path.is_file() else 'directory'} here has no splits or revisions")
        if path.is_dir():
            return _directory(path, split)
        check_whole(path)
        return open_file(path)
    name, _, named = source.partition("@")
    repo, _, config = name.partition(":")
    if not is_hub_id(repo):
        raise InputError(f"{source}: not a dataset directory, a file or a Hub id (owner/name)")
    rows, facts = load_hub(repo, config or None, split or "train", revision or named or None)
    return _dataset(rows, name, f"{name} ({split or 'train'})", None, facts)


def load_hub(repo: str, config: str | None, split: str, revision: str | None) -> tuple[Any, dict[str, Any]]:
    """Return a split of a dataset on the Hub, and for the manifest where it comes from and under what license.

    `config` names one of several parts, such as those of the Cauldron.

    Raises:
        InputError: it cannot be loaded.
    """
    from datasets import load_dataset
    from huggingface_hub import HfApi

    try:
        info = HfApi().dataset_info(repo, revision=revision)
        rows = load_dataset(repo, config, split=split, revision=info.sha)
    except Exception as error:  # whatever a loader raises, it is this dataset that cannot be had
        lines = str(error).strip().split("\n")
        missing = "Config name is missing" in lines[0]
        reason = f"name a part of it, {repo}:PART; {lines[1]}" if missing and len(lines) > 1 else lines[0]
        raise InputError(f"{repo}: its split {split} cannot be read from the Hub ({reason})") from error
    stated = str(getattr(info.card_data, "license", None) or "none stated")
    # What the images' terms are is not known from a card: nobody but the user can say that they may be passed on.
    license = {"annotations": stated, "images": stated, "redistributable": False}
    part = {} if config is None else {"config": config}
    return rows, {"origin": repo, **part, "revision": info.sha, "license": license}


def _directory(path: Path, split: str | None) -> Table:
    if (path / MANIFEST).is_file() or written_facts(path / PARQUET) is not None:
        if split is not None:
            raise InputError(f"{path}: a dataset directory has no splits; leave out --split")
        manifest, files = checked_manifest(path), parquet_files(path)
        facts = {"files": {file.name: file_digest(file) for file in files}}
        facts |= {"license": combined(sources_of(manifest).values())}
        return Table(path.resolve().name, lambda: _own_rows(path, files), path, facts)
    if any((path / name).is_file() for name in SAVED):
        return _saved(path, split)
    folders = {each.name: each for each in sorted(path.iterdir()) if each.is_dir() and _metadata(each)}
    if (file := _metadata(path)) is None and folders:
        file = _metadata(_chosen(folders, split, path))
    elif file is None and (splits := splits_in(path)):
        return open_shards(path, *_chosen({name: (name, files) for name, files in splits.items()}, split, path))
    elif split is not None:
        raise InputError(f"{path}: no folder {split} with a metadata file; leave out --split")
    if file is None:
        parts = [each.name for each in path.iterdir() if each.is_dir() and splits_in(each)]
        raise InputError(
            f"{path}: no dataset directory (it has no manifest.json), no saved dataset ({choices(SAVED)}), no folder "
            f"of images ({choices(METADATA)}) and no folder of parquet files; "
            + (f"name one of its folders that are: {choices(parts)}" if parts else f"files of rows: {choices(KINDS)}")
        )
    table = open_file(file)
    return Table(path.resolve().name, table.rows, table.folder, table.facts)


def _own_rows(path: Path, files: Sequence[Path]) -> Rows:
    """Yield the rows of a dataset directory, with its images drawn over where it is a plan."""
    if not stored_columns(files[0])[1]:
        yield from chain.from_iterable(open_file(file).rows() for file in files)
        return
    for number, row in enumerate(open_dataset(path), 1):
        yield f"{path}, row {number}", row


def _metadata(path: Path) -> Path | None:
    return next((path / name for name in METADATA if (path / name).is_file()), None)


def _saved(path: Path, split: str | None) -> Table:
    from datasets import DatasetDict, load_from_disk

    try:
        rows = load_from_disk(str(path))
    except Exception as error:  # whatever it raises, it is this directory that cannot be read
        raise InputError(f"{path}: not what save_to_disk writes ({' '.join(str(error).split())})") from error
    if isinstance(rows, DatasetDict):
        rows = _chosen(rows, split, path)
    elif split is not None:
        raise InputError(f"{path}: it has no splits; leave out --split")
    files = {file.relative_to(path).as_posix(): file_digest(file) for file in sorted(path.rglob("*.arrow"))}
    return _dataset(rows, path.resolve().name, str(path), path, {"files": files})


def _chosen(splits: Mapping[str, Any], split: str | None, path: Path) -> Any:
    name = split or ("train" if "train" in splits else next(iter(splits)) if len(splits) == 1 else None)
    if name is None or name not in splits:
        wanted = "which of its splits is not said" if name is None else f"no split {name}"
        raise InputError(f"{path}: {wanted}; pass --split with one of {choices(splits)}")
    return splits[name]


def _dataset(rows: Any, name: str, place: str, folder: Path | None, facts: Mapping[str, Any]) -> Table:
    arrow = rows.with_format("arrow")  # images stay encoded
    return Table(name, lambda: arrow_rows(arrow.iter(ROWS_AT_A_TIME), place), folder, facts)
