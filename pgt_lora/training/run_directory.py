"""The directory of an unfinished run: whose it is, its checkpoints, and what to say where the disk is full."""

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import json_or_none, read_json, write_json
from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.terminal import console
from pgt_lora.core.typed import typed
from pgt_lora.data.directory import MANIFEST, read_manifest
from pgt_lora.data.seal import checked_manifest
from pgt_lora.models.names import STARTED

MAX_CHANGED = 5  # fields of a recipe in a message
GIVEN = "given"  # in a run's record, beside what makes it this run and is compared


@dataclass(frozen=True)
class Given:
    """The datasets that a run was given; what it was not given, it makes as its recipe says."""

    data: Path | None = None
    eval_data: tuple[Path, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return it as a run's record has it: paths that hold wherever the run goes on from."""
        return {
            "data": None if self.data is None else str(self.data.resolve()),
            "eval_data": [str(path.resolve()) for path in self.eval_data],
        }


def given_to(run: Path) -> Given:
    """Return the datasets that a run was begun with; nothing where an earlier version did not record them."""
    given = read_json(run / STARTED).get(GIVEN, {})
    data = given.get("data")
    return Given(None if data is None else Path(data), tuple(map(Path, given.get("eval_data", ()))))


def data_of(run: Path) -> Path | None:
    """Return the data that a run was begun with, or None where it makes them itself.

    Raises:
        InputError: they are gone, or other rows are in their place.
    """
    data = given_to(run).data
    if data is None:
        return None
    rows = read_manifest(data)["content_hash"] if (data / MANIFEST).is_file() else None
    if rows != read_json(run / STARTED)["content_hash"]:
        raise InputError(f"{data}: no longer holds the data that {run} was begun with; name their place with --data")
    return data


def claim(
    out: Path, recipe: Recipe, data: Path, eval_data: Path | None = None, overwrite: bool = False,
    given: Given | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Take `out` for a run: a new directory, the same run begun before, or any that may be overwritten or is empty yet.

    What the run was `given` is recorded, so that it can go on without it; by default that is `data`, and `eval_data`
    where its loss is computed while training.

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
    looked_at = (eval_data,) if eval_data and "held_out_hash" in key else ()
    record = key | {GIVEN: (given or Given(data, looked_at)).record()}
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: a file; choose another --out")
    if out.exists() and any(out.iterdir()):
        if not path.exists():
            raise InputError(f"{out}: not empty and not a run directory; choose another --out")
        if overwrite:
            check_apart(out, data, eval_data, recipe.base)
            with new_directory(out, overwrite) as fresh:
                write_json(fresh / STARTED, record)
            return key
        before = read_json(path, "choose another --out")
        if _key(before) == key:
            record |= {} if given else before
        elif any(each != path for each in out.iterdir()):
            raise InputError(_other_run(out, before, key, whole=given is not None))
    out.mkdir(parents=True, exist_ok=True)
    write_json(path, record)
    return key


def check_apart(out: Path, *read: Path | str | None) -> None:
    """Check that a directory that may be replaced neither is nor holds what is read for the new one.

    Raises:
        InputError: it does.
    """
    place = out.resolve()
    for path in (Path(each) for each in read if each is not None):
        if path.exists() and place in (path.resolve(), *path.resolve().parents):
            raise InputError(f"{out}: is or holds {path}, which is read for the new one; choose another --out")


def _key(record: Any) -> Any:
    return {name: value for name, value in record.items() if name != GIVEN} if isinstance(record, dict) else record


def _other_run(out: Path, before: Any, key: Mapping[str, Any], whole: bool) -> str:
    """Say in what a run differs from the one that has its directory, and how to finish that one."""
    if not isinstance(before, dict) or not isinstance(before.get("recipe"), dict):
        return f"{out}: a run without a record of its recipe; choose another --out"
    places = given_to(out)
    held_out = next(iter(places.eval_data), None)
    others = [f"another recipe ({changed})"] if (changed := _changed(before["recipe"], key["recipe"])) else []
    if before.get("content_hash") != key["content_hash"]:
        others.append("other data" + (f" ({places.data})" if places.data else ""))
    if not changed and before.get("held_out_hash") != key.get("held_out_hash"):
        others.append("another held-out set" + (f" ({held_out})" if held_out else ""))
    command = _finishing(out, before, whole)
    return (
        f"{out}: a run with {' and '.join(others)}; choose another --out for a new one (--overwrite deletes this one "
        "and its checkpoints)" + (f", or finish this one with: {command}" if command else "")
    )


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return the fields of a recipe that are others now, a few of them with both values."""
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    told = [f"{name}: {before.get(name, 'not set')}, now {now.get(name, 'not set')}" for name in names[:MAX_CHANGED]]
    more = len(names) - len(told)
    return "; ".join(told + [f"and {more} more"] * bool(more))


def _finishing(out: Path, before: Mapping[str, Any], whole: bool) -> str | None:
    """Return the command that finishes a run; None where it is trained, or its data are not where they were.

    `whole` says that all stages are wanted, not training alone.
    """
    try:
        data = data_of(out)
    except InputError:
        return None
    if whole or data is None:
        return typed("run", out) if GIVEN in before else None
    if (out / "adapter").exists():
        return None
    held_out = given_to(out).eval_data if "held_out_hash" in before else ()
    return typed("finetune", out, "--out", out, *(word for path in held_out[:1] for word in ("--eval-data", path)))


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
    if json_or_none(checkpoint / "trainer_state.json") is None:
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
