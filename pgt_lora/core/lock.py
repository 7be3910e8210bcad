"""One process at a time for what takes an hour: the lock ends with its process, however that ends."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pgt_lora.core.errors import InputError


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Keep a directory to this process of this machine while the block lasts.

    Raises:
        InputError: another process has it.
    """
    digest = hashlib.sha256(str(out.resolve()).encode()).hexdigest()[:16]
    lock = FileLock(Path(tempfile.gettempdir()) / f"pgt-lora-{digest}.lock", timeout=0, mode=0o666)
    try:
        lock.acquire()
    except Timeout as error:
        raise InputError(f"{out}: another process is writing it; wait for that, or choose another --out") from error
    try:
        yield
    finally:
        lock.release()
