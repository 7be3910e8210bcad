"""Merging: W + (α/r)·BA in fp32, rounded once into the base's own type, and the base's other files beside it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError, choices
from pgt_lora.core.files import write_json
from pgt_lora.core.new_directory import new_directory
from pgt_lora.models.checkpoint import Checkpoint, load_adapter, load_model

CONFIG = "config.json"
DTYPES = ("bfloat16", "float16", "float32")
WEIGHTS = ("*.safetensors", "*.safetensors.index.json", "*.bin", "*.bin.index.json", "*.pth", "*.gguf")


def merge(checkpoint: Checkpoint, out: Path, overwrite: bool = False, dtype: str | None = None) -> None:
    """Merge an adapter into its base, and verify the result in a fresh process.

    With a `dtype` (`bfloat16`, `float16` or `float32`) the base is cast to it first; `config.json` differs from the
    base's in that one field then.

    Raises:
        InputError: there is no adapter, no such type, `out` exists, or the merged checkpoint is not what it should be;
            it is kept then, with the failed checks in its `verification.json`.
    """
    if dtype not in (None, *DTYPES):
        raise InputError(f"--dtype {dtype!r}: unknown; known: {choices(DTYPES)}")
    if checkpoint.adapter_dir is None:
        raise InputError(f"{checkpoint.base}: holds no LoRA adapter, so there is nothing to merge")
    base_dir = local_directory(checkpoint.base, checkpoint.revision)
    with new_directory(out, overwrite) as directory:
        # In the base's own type or the one asked for; LoRA's weights are fp32, so PEFT adds in fp32 and rounds once.
        # With safe_merge=True it adds in the base's type, which differs in one element of seven in bf16.
        model = load_adapter(load_model(str(base_dir), dtype=dtype or "auto"), checkpoint.adapter_dir)
        model.merge_and_unload(safe_merge=False).save_pretrained(directory)
        for path in companion_files(base_dir):
            shutil.copyfile(path, directory / path.name)
        if dtype:
            write_json(directory / CONFIG, config_with(base_dir, dtype))
    words = ["pgt_lora.export.verify", str(out), str(checkpoint.adapter_dir), *([dtype] if dtype else [])]
    finished = subprocess.run([sys.executable, "-m", *words], check=False)
    if finished.returncode:
        raise InputError(f"{out}: the merged checkpoint failed its verification; see {out / 'verification.json'}")


def local_directory(base: str, revision: str | None = None) -> Path:
    """Return the directory of a checkpoint, downloaded where `base` is a Hub id."""
    if Path(base).is_dir():
        return Path(base)
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(base, revision=revision))


def config_with(base_dir: Path, dtype: str) -> dict[str, Any]:
    """Return a base's configuration with another type of the weights, in the field that it has for it."""
    config: dict[str, Any] = json.loads((base_dir / CONFIG).read_text(encoding="utf-8"))
    field = "torch_dtype" if "torch_dtype" in config else "dtype"  # the first is how Transformers 4 wrote it
    return config | {field: dtype}


def companion_files(base_dir: Path) -> list[Path]:
    """Return a checkpoint's files that are no weights: configuration, processor, tokenizer, chat template, licence."""
    files = (path for path in sorted(base_dir.iterdir()) if path.is_file() and not path.name.startswith("."))
    return [path for path in files if path.name != "README.md" and not any(path.match(kind) for kind in WEIGHTS)]
