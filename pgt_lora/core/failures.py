"""The one place that turns what libraries raise into one line, with the traceback in a file that the line names.

Errors are told apart by the names of their classes, so that nothing heavy is imported for it.
"""

import errno
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pgt_lora.core.errors import InputError

DEBUG_VARIABLE = "PGT_LORA_DEBUG"

# By the name of a class or of one that it inherits from: what is the matter, and what to do.
KNOWN = {
    "OutOfMemoryError": "the GPU's memory is full: lower per_device_train_batch_size (or per_device_eval_batch_size), "
    "or pass --gradient_checkpointing true or --load_in_4bit true; `pgt-lora check` estimates what fits",
    "GatedRepoError": "its owner asks for consent: accept the terms on its page of the Hub, then `hf auth login`",
    "RepositoryNotFoundError": "there is no such repository on the Hub, or it is private: look at the name, then "
    "`hf auth login`",
    "RevisionNotFoundError": "the repository has no such revision: look at model_revision",
    "EntryNotFoundError": "the repository has no such file: is it a checkpoint of Transformers?",
    "OfflineModeIsEnabled": "the Hub is not asked, as HF_HUB_OFFLINE is set, and the file is not in the cache",
    "LocalEntryNotFoundError": "the Hub cannot be reached, and the file is not in the cache",
    "HfHubHTTPError": "the Hub refuses or does not answer",
    "ConnectError": "the host cannot be reached",
    "ConnectionError": "the host cannot be reached",
    "TimeoutException": "the host does not answer",
    "SafetensorError": "the file of weights is broken or half-written: download or write it again",
    "UnpicklingError": "the file of weights is broken or holds more than weights: download it again, as safetensors",
}
OF_THE_SYSTEM = {
    errno.ENOSPC: "the disk is full: make room, and the same command goes on",
    errno.EACCES: "it cannot be written to or read: look at its permissions, or choose another --out",
    errno.EPERM: "it cannot be written to or read: look at its permissions, or choose another --out",
    errno.EROFS: "the disk is read-only: choose another --out",
    errno.ENOENT: "no such file or directory",
    errno.ENOTDIR: "a part of its path is a file",
    errno.EISDIR: "it is a directory",
    errno.ENAMETOOLONG: "the name is too long for this disk",
    errno.EMFILE: "too many files are open: raise `ulimit -n`",
}


@contextmanager
def exit_with_one_line() -> Iterator[None]:
    """Print whatever is raised as one line, and exit with 2, or with 1 where nobody has foreseen it.

    The traceback of what is no `InputError` is kept in a file; `PGT_LORA_DEBUG=1` shows it instead.
    """
    try:
        yield
    except InputError as error:
        end(str(error), 2)
    except KeyboardInterrupt:
        end("interrupted; the same command goes on where it can", 130)
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        explained = explain(error)
        said = " ".join(str(error).split())[:300]
        where = keep_traceback()
        if explained:
            end(f"{said or type(error).__name__}: {explained} (more in {where})", 2)
        end(f"{type(error).__name__}: {said}; nobody has foreseen this: please report it with {where}", 1)


def end(message: str, status: int) -> None:
    """Print a message of the kit on one line, and exit."""
    print(f"pgt-lora: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(status)


def explain(error: BaseException) -> str | None:
    """Return what is the matter and what to do, by an error or what it was raised from; None where it is unknown."""
    causes: list[BaseException] = []
    while error not in causes:
        causes.append(error)
        error = error.__cause__ or error.__context__ or error
    for cause in causes:
        if (number := number_of(cause)) in OF_THE_SYSTEM:
            return OF_THE_SYSTEM[number]
        for kind in type(cause).__mro__:
            if kind.__name__ in KNOWN:
                return KNOWN[kind.__name__]
    return None


def number_of(error: BaseException) -> int | None:
    """Return the system's number of an error; libraries written in Rust have it in their message alone."""
    if isinstance(error, OSError):
        return error.errno
    told = re.search(r"\(os error (\d+)\)", str(error))
    return int(told[1]) if told else None


def keep_traceback() -> Path:
    """Write the traceback of what is being handled into a file of its own, and return its path."""
    number, name = tempfile.mkstemp(prefix="pgt-lora-", suffix=".log")
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(f"{' '.join(sys.argv)}\n\n{traceback.format_exc()}")
    return Path(name)
