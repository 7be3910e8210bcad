"""Fetching files over HTTP: resumed where they were cut off, tried again with back-off, in place when complete."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from pgt_lora.core.errors import InputError

TRIES = 6
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 300.0
TIMEOUT_S = 60.0
LEAST_S = 300.0  # for any file in all, and with the largest that is allowed at this speed:
SLOWEST_BYTES_PER_S = 100_000
IMAGE_BYTES = 64 << 20  # no photograph is larger
ANNOTATION_BYTES = 4 << 30
BUSY = (408, 425, 429, 500, 502, 503, 504)

Wait = Callable[[float], None]
Result = TypeVar("Result")


class Missing(Exception):
    """The host has no such file, or gives another than it announces; asking again does not help."""


def download(url: str, path: Path, wait: Wait = time.sleep, limit_bytes: int = IMAGE_BYTES) -> None:
    """Fetch `url` into `path`, which appears only when it is complete.

    What an interrupted run left in `path.partial` is not fetched again where the host serves ranges and says by an ETag
    or a date that the file is still the same.

    Raises:
        Missing: the host refuses the file, or it is larger than `limit_bytes`.
        InputError: the host cannot be reached, stays busy, or is too slow.
    """
    partial = _partial(path)
    validator = path.with_name(path.name + ".partial-of")  # which state of the file that is a part of
    path.parent.mkdir(parents=True, exist_ok=True)
    clock = _Clock(url, limit_bytes)

    def restart() -> None:
        partial.unlink(missing_ok=True)
        validator.unlink(missing_ok=True)

    def attempt() -> None:
        if not (partial.exists() and validator.exists()):
            restart()  # or halves of two files might be joined
        state = validator.read_text(encoding="utf-8") if validator.exists() else ""
        have = partial.stat().st_size if state else 0
        with _get(url, {"Range": f"bytes={have}-", "If-Range": state} if have else {}) as response:
            if response.status_code == 416 and _total(response) == have:  # nothing lies beyond what is here
                return
            resumed = response.status_code == 206
            if response.status_code == 416 or (
                resumed and (_start(response) != have or _state(response) not in ("", state))
            ):
                restart()
                raise _Again("what was fetched before is of another file")
            _check(response)
            if not resumed:
                restart()
                validator.write_text(_state(response), encoding="utf-8")
            with partial.open("ab" if resumed else "wb") as file:
                _receive(response, file, limit_bytes, clock)
            total = _total(response)
        if total is not None and partial.stat().st_size != total:
            raise _Again(f"{partial.stat().st_size:,} of {total:,} bytes came")

    try:
        _persist(attempt, url, clock.outside(wait))
    except Missing:
        restart()
        raise
    partial.replace(path)
    validator.unlink(missing_ok=True)


def bytes_so_far(path: Path) -> int:
    """Return how much of a file that is being fetched has come."""
    partial = _partial(path)
    return partial.stat().st_size if partial.exists() else 0


def _partial(path: Path) -> Path:
    return path.with_name(path.name + ".partial")


def _receive(response: Any, file: BinaryIO, limit_bytes: int, clock: "_Clock") -> None:
    total = _total(response) or 0
    if total > limit_bytes:
        raise Missing(f"{total:,} bytes, more than the {limit_bytes:,} that are allowed")
    for chunk in response.iter_raw():
        file.write(chunk)
        if file.tell() > limit_bytes:
            raise Missing(f"more than the {limit_bytes:,} bytes that are allowed")
        clock.check(file.tell())


def read_range(url: str, start: int, length: int, wait: Wait = time.sleep) -> tuple[bytes, int]:
    """Return bytes `start` to `start + length` of a remote file, fewer at its end, and the file's size.

    A negative `start` counts from the end.

    Raises:
        Missing: the host refuses the file, or serves no ranges.
        InputError: the host cannot be reached, or stays busy.
    """
    asked = f"bytes={start}" if start < 0 else f"bytes={start}-{start + length - 1}"
    clock = _Clock(url, length)

    def attempt() -> tuple[bytes, int]:
        with _get(url, {"Range": asked}) as response:
            _check(response)
            total = _total(response)
            if response.status_code != 206 or total is None:
                raise Missing("the host does not serve parts of files; pass --image-root")
            data = bytearray()
            for chunk in response.iter_raw():
                data += chunk
                if len(data) > length:
                    raise Missing(f"more than the {length:,} bytes that were asked for")
                clock.check(len(data))
            first = start if start >= 0 else max(0, total + start)
            if _start(response) != first:
                raise Missing("the host sends other parts of files than are asked for; pass --image-root")
            if len(data) != min(length, total - first):
                raise _Again(f"{len(data):,} bytes came")
            return bytes(data), total

    return _persist(attempt, url, clock.outside(wait))


class _Clock:
    """The time that one file may take in all, but for the pauses between the tries."""

    def __init__(self, url: str, num_bytes: int) -> None:
        self._url, self._begun = url, time.monotonic()
        self._seconds = LEAST_S + num_bytes / SLOWEST_BYTES_PER_S

    def check(self, num_bytes: int) -> None:
        """Raise `InputError` where the time is over."""
        if time.monotonic() - self._begun > self._seconds:
            raise InputError(
                f"{self._url}: gave up after {self._seconds:,.0f} s with only {num_bytes:,} bytes; run the "
                "same command again, or pass local files"
            )

    def outside(self, wait: Wait) -> Wait:
        """Return a way to wait that does not count."""

        def waiting(seconds: float) -> None:
            before = time.monotonic()
            wait(seconds)
            self._begun += time.monotonic() - before

        return waiting


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
                raise InputError(f"{url}: gave up after {TRIES} tries ({error}); run the same command again") from error
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


def _start(response: Any) -> int | None:
    """Return the place of the first byte of a partial answer in the whole file."""
    first = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdigit() else None


def _state(response: Any) -> str:
    """Return what tells this state of the file from another, byte for byte: its strong ETag, or its date."""
    tag = response.headers.get("ETag", "")
    return str(tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", ""))
