"""Fetching files over HTTP: resumed where they were cut off, tried again with back-off, in place when complete."""

import io
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from pgt_lora.errors import InputError

TRIES = 6
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 300.0
TIMEOUT_S = 60.0
BUSY = (408, 425, 429, 500, 502, 503, 504)
LOCAL_HEADER = struct.Struct("<26xHH")  # of a zip's member: the lengths of its name and of its extra field come last
EXTRA = 256  # bytes asked for beyond a local header, for the extra field, whose length stands only there

Wait = Callable[[float], None]
Result = TypeVar("Result")


class Missing(Exception):
    """The host has no such file, or gives another than it announces; asking again does not help."""


def download(url: str, path: Path, wait: Wait = time.sleep) -> None:
    """Fetch `url` into `path`, which appears only when it is complete.

    What an interrupted run left in `path.partial` is not fetched again where the host serves ranges.

    Raises:
        Missing: the host refuses the file.
        InputError: the host cannot be reached, or stays busy.
    """
    partial = path.with_name(path.name + ".partial")
    path.parent.mkdir(parents=True, exist_ok=True)

    def attempt() -> None:
        have = partial.stat().st_size if partial.exists() else 0
        with _get(url, {"Range": f"bytes={have}-"} if have else {}) as response:
            if response.status_code == 416:  # nothing lies beyond what is here
                if _total(response) == have:
                    return
                partial.unlink()
                raise _Again("what was fetched before is of another file")
            _check(response)
            resumed = response.status_code == 206
            with partial.open("ab" if resumed else "wb") as file:
                for chunk in response.iter_raw():
                    file.write(chunk)
            total = _total(response)
        if total is not None and partial.stat().st_size != total:
            raise _Again(f"{partial.stat().st_size:,} of {total:,} bytes came")

    _persist(attempt, url, wait)
    partial.replace(path)


def read_range(url: str, start: int, length: int, wait: Wait = time.sleep) -> tuple[bytes, int]:
    """Return bytes `start` to `start + length` of a remote file, fewer at its end, and the file's size.

    A negative `start` counts from the end.

    Raises:
        Missing: the host refuses the file, or serves no ranges.
        InputError: the host cannot be reached, or stays busy.
    """
    asked = f"bytes={start}" if start < 0 else f"bytes={start}-{start + length - 1}"

    def attempt() -> tuple[bytes, int]:
        with _get(url, {"Range": asked}) as response:
            _check(response)
            total = _total(response)
            if response.status_code != 206 or total is None:
                raise Missing("the host does not serve parts of files; pass --image-root")
            data = b"".join(response.iter_raw())
            first = start if start >= 0 else max(0, total + start)
            if len(data) != min(length, total - first):
                raise _Again(f"{len(data):,} bytes came")
            return data, total

    return _persist(attempt, url, wait)


def read_directory(url: str, wait: Wait = time.sleep) -> dict[str, zipfile.ZipInfo]:
    """Return the members of a remote zip by name, having fetched nothing but its directory.

    Raises:
        InputError: a member's path is absolute or leads out of the archive, or this is no zip.
        Missing: the host refuses the file, or serves no ranges.
    """
    try:
        with zipfile.ZipFile(_Remote(url, wait)) as archive:
            members = archive.infolist()
    except zipfile.BadZipFile as error:
        raise Missing(f"not a zip archive ({error})") from error
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or (path.parts and ":" in path.parts[0]):
            raise InputError(f"{url}: its member {member.filename!r} leads out of the archive; the archive is refused")
    return {member.filename: member for member in members if not member.is_dir()}


def read_member(url: str, member: zipfile.ZipInfo, wait: Wait = time.sleep) -> bytes:
    """Return one member of a remote zip, having fetched its own range alone, and checked its sum.

    The local file header is that of APPNOTE.TXT, section 4.3.7. (`zipfile` reads through one shared file position, so
    threads would wait for each other.)

    Raises:
        Missing: the member is damaged, encrypted, or compressed otherwise than by deflation.
    """
    length = LOCAL_HEADER.size + len(member.orig_filename.encode()) + EXTRA + member.compress_size
    data, _ = read_range(url, member.header_offset, length, wait)
    if data[:4] != b"PK\x03\x04" or member.flag_bits & 1 or member.compress_type not in (0, 8):
        raise Missing("a damaged, encrypted or unusually compressed member")
    start = LOCAL_HEADER.size + sum(LOCAL_HEADER.unpack_from(data))
    if len(data) < start + member.compress_size:  # a long extra field
        data, _ = read_range(url, member.header_offset, start + member.compress_size, wait)
    body = data[start : start + member.compress_size]
    try:
        body = zlib.decompress(body, -zlib.MAX_WBITS) if member.compress_type == zipfile.ZIP_DEFLATED else body
    except zlib.error as error:
        raise Missing(f"a damaged member ({error})") from error
    if zlib.crc32(body) != member.CRC:
        raise Missing("a damaged member (its check sum is another)")
    return body


class _Remote(io.RawIOBase):
    """A remote file as `zipfile` wants it: every read is one request."""

    def __init__(self, url: str, wait: Wait) -> None:
        self._url, self._wait, self._place = url, wait, 0
        # The end of the archive says where its directory is; zipfile looks for it in the last 64 KiB.
        self._tail, self._size = read_range(url, -(1 << 16), 1 << 16, wait)

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + (0, self._place, self._size)[whence]
        return self._place

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._size, self._place + size)
        first = self._size - len(self._tail)
        if self._place >= first:
            data = self._tail[self._place - first : end - first]
        else:
            data, _ = read_range(self._url, self._place, end - self._place, self._wait)
        self._place += len(data)
        return data


class _Again(Exception):
    """This attempt failed, the next may not; `wait_s` is what the host asks for."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


def _persist(attempt: Callable[[], Result], url: str, wait: Wait) -> Result:
    from huggingface_hub.errors import HTTPError, OfflineModeIsEnabled

    pause_s = FIRST_WAIT_S
    for number in range(1, TRIES + 1):
        try:
            return attempt()
        except OfflineModeIsEnabled as error:
            raise InputError(f"{url}: HF_HUB_OFFLINE is set; unset it, or pass local files") from error
        except (_Again, HTTPError) as error:
            if number == TRIES:
                raise InputError(
                    f"{url}: given up after {TRIES} tries ({error}); run the same command again"
                ) from error
            asked_s = getattr(error, "wait_s", None)
            wait(min(LONGEST_WAIT_S, pause_s if asked_s is None else asked_s))
            pause_s *= 2
    raise AssertionError("unreachable")


def _get(url: str, headers: Mapping[str, str]) -> Any:
    from huggingface_hub import get_session

    # As stored, not compressed on the way: sizes and ranges are those of the file.
    asked = {"Accept-Encoding": "identity", **headers}
    return get_session().stream("GET", url, headers=asked, timeout=TIMEOUT_S, follow_redirects=True)


def _check(response: Any) -> None:
    if response.status_code in BUSY:
        seconds = response.headers.get("Retry-After", "")
        raise _Again(f"status {response.status_code}", float(seconds) if seconds.isdigit() else None)
    if response.status_code not in (200, 206):
        raise Missing(f"status {response.status_code}")


def _total(response: Any) -> int | None:
    """Return the size of the whole file, as the headers of a whole or of a partial answer tell it."""
    size = response.headers.get("Content-Range", "").rpartition("/")[2] or response.headers.get("Content-Length", "")
    return int(size) if size.isdigit() else None
