"""The directory of an unfinished run: whose it is, its checkpoints, and what to say where the disk is full."""

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import write_json
from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.terminal import console
from pgt_lora.data.directory import read_manifest
from pgt_lora.data.seal import checked_manifest
from pgt_lora.models.names import STARTED


def claim(
    out: Path, recipe: Recipe, data: Path, eval_data: Path | None = None, overwrite: bool = False
) -> dict[str, Any]:
    """Take `out` for a run: a new directory, the same run begun before, or any that may be overwritten or is empty yet.

    Returns:
        What makes the run this run: the recipe's values, the hash of the data and, where the recipe has its loss on a
        held-out set computed while training, that of `eval_data`.

    Raises:
        InputError: `out` belongs to another run, or to something else.
    """
    key = {"recipe": dict(recipe.values), "content_hash": checked_manifest(data)["content_hash"]}
    if eval_data and recipe.sft.eval_strategy != "no":
        key["held_out_hash"] = read_manifest(eval_data)["content_hash"]
    path = out / STARTED
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: a file; choose another --out")
    if out.exists() and any(out.iterdir()):
        if not path.exists():
            raise InputError(f"{out}: not empty and not a run directory; choose another --out")
        if overwrite:
            check_apart(out, data, eval_data, recipe.base)
            with new_directory(out, overwrite) as fresh:
                write_json(fresh / STARTED, key)
            return key
        if _read(path) != key and any(each != path for each in out.iterdir()):
            raise InputError(
                f"{out}: a run with another recipe or other data; choose another --out or pass --overwrite"
            )
    out.mkdir(parents=True, exist_ok=True)
    write_json(path, key)
    return key


def check_apart(out: Path, *read: Path | str | None) -> None:
    """Check that a directory that may be replaced neither is nor holds what is read for the new one.

    Raises:
        InputError: it does.
    """
    place = out.resolve()
    for path in map(Path, filter(None, read)):
        if path.exists() and place in (path.resolve(), *path.resolve().parents):
            raise InputError(f"{out}: is or holds {path}, which is read for the new one; choose another --out")


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); choose another --out") from error


def newest_checkpoint(directory: Path) -> Path | None:
    """Return the newest complete checkpoint of an interrupted run; say so where a half-written one is skipped."""
    found = [p for p in directory.glob("checkpoint-*") if p.name.removeprefix("checkpoint-").isdigit()]
    for path in sorted(found, key=lambda p: int(p.name.removeprefix("checkpoint-")), reverse=True):
        if is_complete(path):
            return path
        console.print(f"{path} is half-written; skipping it", soft_wrap=True)
    return None


def is_complete(checkpoint: Path) -> bool:
    """Tell whether a checkpoint holds what resuming needs, written to its end.

    Its state comes last, torch's files are zip archives, and without optimizer and schedule it would go on otherwise.
    """
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if not all(any(checkpoint.glob(f"{part}*")) for part in ("optimizer", "scheduler", "rng_state")):
        return False
    return all(zipfile.is_zipfile(path) for path in checkpoint.glob("*.pt*"))


@contextmanager
def writing(directory: Path) -> Iterator[None]:
    """Turn a failure to write into `directory` into one that says where, and what is left.

    Raises:
        InputError: the disk is full, or the directory cannot be written to for another reason.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "inline_container" not in str(error):
            raise  # not from torch.save
        last = newest_checkpoint(directory / "checkpoints")
        left = f"resumes from {last.name}" if last else "starts anew"
        raise InputError(
            f"{directory}: cannot be written to ({' '.join(str(error).split())}); is the disk full? Make room there, "
            f"and the same command {left}"
        ) from error
