"""Tensors in the files of a checkpoint or an adapter: safetensors, or torch's `.bin`."""

import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import read_json

if TYPE_CHECKING:
    import torch

MODEL = "model.safetensors"
ADAPTER = ("adapter_model.safetensors", "adapter_model.bin")
INDEX = "model.safetensors.index.json"
# In the order in which Transformers looks for them.
_MODELS = (MODEL, INDEX, "pytorch_model.bin", "pytorch_model.bin.index.json")


def weight_files(directory: Path) -> list[Path]:
    """Return the files that hold a checkpoint's weights, those that Transformers loads and no others.

    Raises:
        InputError: there are none, or one that the index names is missing.
    """
    first = next((directory / name for name in _MODELS if (directory / name).is_file()), None)
    if first is None:
        raise InputError(f"{directory}: holds no weights; known: {', '.join(_MODELS)}")
    if first.suffix != ".json":
        return [first]
    index = read_json(first)  # which says itself why it cannot be read
    try:
        names = sorted(set(index["weight_map"].values()))
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{first}: is not an index of weights; download the checkpoint again") from error
    if missing := [name for name in names if not (directory / name).is_file()]:
        raise InputError(
            f"{directory / missing[0]}: missing, although {first.name} names it; download the checkpoint again"
        )
    return [directory / name for name in names]


def adapter_file(directory: Path) -> Path:
    """Return the file that holds an adapter's weights.

    Raises:
        InputError: there is none.
    """
    found = next((directory / name for name in ADAPTER if (directory / name).is_file()), None)
    if found is None:
        raise InputError(f"{directory}: holds no adapter weights; known: {', '.join(ADAPTER)}")
    return found


def read_tensors(path: Path) -> Iterator[tuple[str, "torch.Tensor"]]:
    """Yield every tensor of a file under its key; safetensors and torch's zip files are read as they are used.

    Raises:
        InputError: the file cannot be read, or holds more than tensors.
    """
    from pickle import UnpicklingError

    import torch
    from safetensors import SafetensorError, safe_open

    try:
        if path.suffix == ".safetensors":
            with safe_open(path, "pt") as file:
                for key in file.keys():  # noqa: SIM118
                    yield key, file.get_tensor(key)
        else:  # only tensors: what else a pickle may hold could be code
            yield from torch.load(path, "cpu", weights_only=True, mmap=zipfile.is_zipfile(path)).items()
    except (SafetensorError, UnpicklingError, EOFError, RuntimeError) as error:
        raise InputError(f"{path}: cannot be read ({str(error).splitlines()[0]}); download it again") from error


def read_tensor(path: Path, key: str) -> "torch.Tensor":
    """Return one tensor of a safetensors file."""
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        tensor: torch.Tensor = file.get_tensor(key)
        return tensor


def write_tensors(path: Path, tensors: Mapping[str, "torch.Tensor"]) -> None:
    """Write a safetensors file as Transformers does, readable to whom other new files are."""
    from safetensors.torch import save_file

    save_file(dict(tensors), path, metadata={"format": "pt"})
    as_other_files(path)


def as_other_files(path: Path) -> None:
    """Give a file the mode that new files have; safetensors writes its own for the owner alone."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)
