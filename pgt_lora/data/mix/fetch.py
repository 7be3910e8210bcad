"""Fetching files over HTTP: resumed where they were cut off, tried again with back-off, in place when complete."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pgt_lora.core.errors import InputError

TRIES = 6
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 300.0
TIMEOUT_S = 60.0
BUSY = (408, 425, 429, 500, 502, 503, 504)

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
