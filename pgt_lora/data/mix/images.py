"""Photographs: finding local copies, fetching what is not there, and refusing what is no image."""

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from zipfile import ZipInfo

from pgt_lora.core.errors import InputError
from pgt_lora.core.plugins import discover
from pgt_lora.core.terminal import console, track
from pgt_lora.data import fetch
from pgt_lora.data.mix import remote_zip
from pgt_lora.data.sources.folders import FOLDERS
from pgt_lora.data.sources.source import ImageRef
from pgt_lora.data.sources.store import LOCAL, PARQUET, Store

Members = Mapping[tuple[str, str], ZipInfo]  # of archives, by store and path


@dataclass(frozen=True)
class Shelf:
    """Where images are found: in `root`, local copies in the usual layouts, or else fetched into `cache`.

    `hosts` are mirrors, by the name of a store, in the place of the store's own address. `revisions` are those of the
    stores' archives on the Hub. `wait(seconds)` passes the time between tries.
    """

    cache: Path
    root: Path | None = None
    hosts: Mapping[str, str] = field(default_factory=dict)
    revisions: Mapping[str, str] = field(default_factory=dict)
    num_threads: int = 16
    wait: fetch.Wait = time.sleep


@dataclass(frozen=True)
class Obtained:
    """Where each image lies, and why each of the others could not be had."""

    paths: Mapping[ImageRef, Path]
    problems: Mapping[ImageRef, str]


def obtain(references: Iterable[ImageRef], shelf: Shelf) -> Obtained:
    """Find or fetch images, in parallel; every one that is returned was decoded to its last pixel.

    Raises:
        InputError: `root` is no directory, or a host cannot be reached.
    """
    wanted = sorted(set(references), key=lambda each: (each.store, each.path, each.index))
    if shelf.root is not None and not shelf.root.is_dir():
        raise InputError(f"--image-root {shelf.root}: no such directory")
    _unpack([each for each in wanted if each.store == PARQUET.name], shelf)
    outside = [each for each in wanted if is_elsewhere(each)]
    absent = [] if shelf.root else [each for each in outside if not kept(each, shelf).is_file()]
    members = _announce(absent, len(wanted), shelf)
    found: dict[ImageRef, Path] = {}
    problems: dict[ImageRef, str] = {}
    with ThreadPoolExecutor(shelf.num_threads) as pool:
        try:
            results = pool.map(partial(_one, shelf=shelf, members=members), wanted)
            for each, result in zip(wanted, track(results, len(wanted), "Images"), strict=True):
                if isinstance(result, Path):
                    found[each] = result
                else:
                    problems[each] = result
        except BaseException:
            pool.shutdown(cancel_futures=True)  # the rest of the queue would fail alike
            raise
    return Obtained(found, problems)


def broken(path: Path) -> str | None:
    """Return why a file is no whole image, or None where it is one."""
    from pgt_lora.data.images import decode

    try:
        decode(path, str(path))
    except InputError as error:
        return str(error)
    return None


def stores() -> dict[str, Store]:
    """Return every store by its name: those of the known sources, and those that instruction datasets draw on."""
    brought = (store for source in discover("pgt_lora.data.sources", "SOURCE").values() for store in source.stores)
    return {store.name: store for store in (*brought, *FOLDERS.values(), LOCAL, PARQUET)}


def is_elsewhere(reference: ImageRef) -> bool:
    """Tell whether an image has to be found among local copies or fetched."""
    return reference.store not in (LOCAL.name, PARQUET.name)


def local_paths(reference: ImageRef) -> Iterator[str]:
    """Yield where an image may lie in a directory of local copies, the likeliest place first."""
    store = stores()[reference.store]
    places = [reference.path, *store.layouts(reference.path)]
    yield from places
    yield from (f"{store.folder}/{place}" for place in places)


def _one(reference: ImageRef, shelf: Shelf, members: Members) -> Path | str:
    if reference.store == LOCAL.name:
        file = Path(reference.path)
        return broken(file) or file if file.is_file() else f"{file} is missing"
    if shelf.root is not None and is_elsewhere(reference):
        places = [shelf.root / each for each in local_paths(reference)]
        path = next((each for each in places if each.is_file()), None)
        return f"{places[0]} is missing" if path is None else broken(path) or path
    path = kept(reference, shelf)
    if not path.is_file():
        try:
            _fetch(reference, path, shelf, members)
        except fetch.Missing as error:
            return f"{_address(reference.store, shelf)}, {reference.path}: {error}"
    problem = broken(path)
    if problem:
        path.unlink()  # or it would be taken for fetched the next time
    return problem or path


def _fetch(reference: ImageRef, path: Path, shelf: Shelf, members: Members) -> None:
    if reference.store == PARQUET.name:
        raise fetch.Missing("this row of the parquet file has no single image")
    if not stores()[reference.store].is_archive:
        fetch.download(f"{_address(reference.store, shelf)}/{reference.path}", path, shelf.wait)
        return
    member = members.get((reference.store, reference.path))
    if member is None:
        raise fetch.Missing("no such member")
    data = remote_zip.read_member(_address(reference.store, shelf), member, shelf.wait)
    _write(path, data)


def _announce(absent: list[ImageRef], num_wanted: int, shelf: Shelf) -> dict[tuple[str, str], ZipInfo]:
    """Say how much will be fetched; return the archives' members that are wanted, by store and path."""
    members: dict[tuple[str, str], ZipInfo] = {}
    parts = []
    for name, paths in groupby(sorted((each.store, each.path) for each in absent), key=itemgetter(0)):
        store, wanted = stores()[name], [path for _, path in paths]
        size = (store.mean_bytes or 0) * len(wanted)
        if store.is_archive:
            of_archive = _members(name, wanted, shelf)
            members |= of_archive
            size = sum(member.compress_size for member in of_archive.values())
        about = "" if store.is_archive else "about "
        parts.append(f"{len(wanted):,} of {name}" + (f", {about}{size / 1e6:,.1f} MB" if size else ""))
    if absent:
        said = f"{len(absent):,} of {num_wanted:,} images to fetch into {shelf.cache}: {'; '.join(parts)}"
        console.print(said, soft_wrap=True)
    return members


def _members(store: str, paths: list[str], shelf: Shelf) -> dict[tuple[str, str], ZipInfo]:
    address = _address(store, shelf)
    try:
        directory = remote_zip.read_directory(address, shelf.wait)
    except fetch.Missing as error:
        raise InputError(f"{address}: {error}; pass --image-root") from error
    places = {path: (path, f"images/{path}", *stores()[store].layouts(path)) for path in paths}
    names = {path: next((name for name in each if name in directory), None) for path, each in places.items()}
    return {(store, path): directory[name] for path, name in names.items() if name}


def _unpack(references: list[ImageRef], shelf: Shelf) -> None:
    """Write the images that lie in parquet files into the cache."""
    import pyarrow.parquet as pq

    for name in sorted({each.path for each in references}):
        wanted = {each.index: kept(each, shelf) for each in references if each.path == name}
        file = pq.ParquetFile(name)
        column = next(each for each in ("images", "image") if each in file.schema_arrow.names)
        first = 0
        for group in range(file.num_row_groups):
            rows = range(first, first + file.metadata.row_group(group).num_rows)
            first = rows.stop
            if not any(index in rows and not path.exists() for index, path in wanted.items()):
                continue
            images = file.read_row_group(group, columns=[column]).column(0)
            for index in sorted(set(wanted) & set(rows)):
                value = images[index - rows.start].as_py()
                listed = value if isinstance(value, list) else [value]
                if len(listed) == 1 and listed[0] and listed[0].get("bytes"):
                    _write(wanted[index], listed[0]["bytes"])


def kept(reference: ImageRef, shelf: Shelf) -> Path:
    """Return an image's place in the cache."""
    if reference.store != PARQUET.name:
        return shelf.cache / reference.store / reference.path
    stat = Path(reference.path).stat()  # another file of the same name must not get these images
    name = f"{Path(reference.path).resolve()} {stat.st_size} {stat.st_mtime_ns}"
    return shelf.cache / PARQUET.name / hashlib.sha256(name.encode()).hexdigest()[:16] / str(reference.index)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial_path = path.with_name(path.name + ".partial")
    partial_path.write_bytes(data)
    partial_path.replace(path)


def _address(name: str, shelf: Shelf) -> str:
    store = stores()[name]
    if store.archive is None or shelf.hosts.get(name):
        return shelf.hosts.get(name) or store.host
    from huggingface_hub import hf_hub_url

    repo, file = store.archive
    return hf_hub_url(repo, file, repo_type="dataset", revision=shelf.revisions.get(name, "main"))
