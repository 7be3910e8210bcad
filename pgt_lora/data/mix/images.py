"""Photographs: finding local copies, fetching what is not there, and refusing what is no image."""

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from zipfile import ZipInfo

from pgt_lora.core.errors import InputError
from pgt_lora.core.terminal import console, track
from pgt_lora.data.mix import fetch, remote_zip
from pgt_lora.data.sources.groups import coco_id
from pgt_lora.data.sources.source import ImageRef
from pgt_lora.data.sources.spatialladder import ARCHIVE, REPO

# SpatialLadder's images lie in one archive on the Hub, the others each under its own address.
HOSTS = {"coco": "http://images.cocodataset.org", "vg": "https://cs.stanford.edu/people/rak248", "spatialladder": ""}
COCO_LAYOUTS = (
    "train2014/COCO_train2014_{:012d}.jpg", "val2014/COCO_val2014_{:012d}.jpg",
    "train2017/{:012d}.jpg", "val2017/{:012d}.jpg", "trainval2017/{:012d}.jpg",
)  # fmt: skip

# An image's mean size, by the published archives: 18 GB for COCO's 118,287, 14.7 GB for Visual Genome's 108,249.
MEAN_BYTES = {"coco": 152_000, "vg": 136_000}


@dataclass(frozen=True)
class Shelf:
    """Where images are kept: in `root`, local copies in the usual layouts, or else fetched from `hosts` into `cache`.

    `revision` is that of SpatialLadder's archive on the Hub. `wait(seconds)` passes the time between tries.
    """

    cache: Path
    root: Path | None = None
    hosts: Mapping[str, str] = field(default_factory=lambda: HOSTS)
    revision: str = "main"
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
    inside = [each for each in wanted if each.store == "parquet"]
    outside = [each for each in wanted if each.store != "parquet"]
    _unpack(inside, shelf)
    absent = [] if shelf.root else [each for each in outside if not _kept(each, shelf).is_file()]
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
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        return f"{path} is no whole image ({error})"
    return None


def local_paths(reference: ImageRef) -> Iterator[str]:
    """Yield where an image may lie in a directory of local copies, the likeliest place first."""
    path = reference.path
    places, folder = [path], reference.store
    if reference.store == "coco":  # ids are the same in the releases of 2014 and 2017, and so are the images
        places += [layout.format(coco_id(path)) for layout in COCO_LAYOUTS]
    elif reference.store == "vg":
        places += [f"{release}/{path.split('/')[-1]}" for release in ("VG_100K", "VG_100K_2")]
    else:
        folder = "images"
    yield from places
    yield from (f"{folder}/{place}" for place in places)


def _one(reference: ImageRef, shelf: Shelf, members: Mapping[str, ZipInfo]) -> Path | str:
    if shelf.root is not None and reference.store != "parquet":
        places = [shelf.root / each for each in local_paths(reference)]
        path = next((each for each in places if each.is_file()), None)
        return f"{places[0]} is missing" if path is None else broken(path) or path
    path = _kept(reference, shelf)
    if not path.is_file():
        try:
            _fetch(reference, path, shelf, members)
        except fetch.Missing as error:
            return f"{_address(reference.store, shelf)}, {reference.path}: {error}"
    problem = broken(path)
    if problem:
        path.unlink()  # or it would be taken for fetched the next time
    return problem or path


def _fetch(reference: ImageRef, path: Path, shelf: Shelf, members: Mapping[str, ZipInfo]) -> None:
    if reference.store == "parquet":
        raise fetch.Missing("this row of the parquet file has no single image")
    if reference.store != "spatialladder":
        fetch.download(f"{shelf.hosts[reference.store]}/{reference.path}", path, shelf.wait)
        return
    member = members.get(reference.path)
    if member is None:
        raise fetch.Missing("no such member")
    data = remote_zip.read_member(_address("spatialladder", shelf), member, shelf.wait)
    _write(path, data)


def _announce(absent: list[ImageRef], num_wanted: int, shelf: Shelf) -> dict[str, ZipInfo]:
    """Say how much will be fetched; return the archive's members that are wanted, by the path in the annotations."""
    members: dict[str, ZipInfo] = {}
    archived = [each.path for each in absent if each.store == "spatialladder"]
    if archived:
        try:
            directory = remote_zip.read_directory(_address("spatialladder", shelf), shelf.wait)
        except fetch.Missing as error:
            raise InputError(f"{_address('spatialladder', shelf)}: {error}; pass --image-root") from error
        names = {path: next((n for n in (path, f"images/{path}") if n in directory), None) for path in archived}
        members = {path: directory[name] for path, name in names.items() if name}
    if absent:
        counts = Counter(each.store for each in absent)
        size = sum(member.compress_size for member in members.values()) / 1e6
        parts = [
            f"{counts[store]:,} of {store}"
            + (f", about {counts[store] * MEAN_BYTES[store] / 1e6:,.0f} MB" if store in MEAN_BYTES else "")
            for store in sorted(counts)
            if store != "spatialladder"
        ]
        parts += [f"{len(archived):,} of spatialladder, {size:,.1f} MB"] if archived else []
        said = f"{len(absent):,} of {num_wanted:,} images to fetch into {shelf.cache}: {'; '.join(parts)}"
        console.print(said, soft_wrap=True, markup=False)
    return members


def _unpack(references: list[ImageRef], shelf: Shelf) -> None:
    """Write the images that lie in parquet files into the cache."""
    import pyarrow.parquet as pq

    for name in sorted({each.path for each in references}):
        wanted = {each.index: _kept(each, shelf) for each in references if each.path == name}
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


def _kept(reference: ImageRef, shelf: Shelf) -> Path:
    """Return an image's place in the cache."""
    if reference.store != "parquet":
        return shelf.cache / reference.store / reference.path
    stat = Path(reference.path).stat()  # another file of the same name must not get these images
    name = f"{Path(reference.path).resolve()} {stat.st_size} {stat.st_mtime_ns}"
    return shelf.cache / "parquet" / hashlib.sha256(name.encode()).hexdigest()[:16] / str(reference.index)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial_path = path.with_name(path.name + ".partial")
    partial_path.write_bytes(data)
    partial_path.replace(path)


def _address(store: str, shelf: Shelf) -> str:
    if store != "spatialladder" or shelf.hosts.get(store):
        return shelf.hosts.get(store, store)
    from huggingface_hub import hf_hub_url

    return hf_hub_url(REPO, ARCHIVE, repo_type="dataset", revision=shelf.revision)
