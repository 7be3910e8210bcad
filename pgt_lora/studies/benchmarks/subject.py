"""The model that is benchmarked: one merged checkpoint directory, as lmms-eval needs it, whatever was named."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from pgt_lora.core.files import read_json
from pgt_lora.core.terminal import console
from pgt_lora.export.merge import local_directory, merge
from pgt_lora.export.record import VERIFICATION, changed_files, fingerprints
from pgt_lora.models.checkpoint import Checkpoint, family_of, find_adapter, load_processor
from pgt_lora.models.encoding import Encoder
from pgt_lora.models.families.family import Family
from pgt_lora.models.families.template import end_token
from pgt_lora.models.names import Named, resolve

GENERATION = "generation_config.json"
# Of a checkpoint's own defaults the tokens alone count. Greedy decoding applies penalties, banned tokens and others,
# too, and lmms-eval's wrappers pass nothing on that would turn them off.
TOKENS = ("bos_token_id", "eos_token_id", "pad_token_id")

# What lmms-eval's wrappers (0.7.3) do of themselves, which nothing on its command line turns off.
OF_THEMSELVES = {
    "qwen2_vl": "it makes images JPEG files of quality 85, and Pillow resizes them before the processor sees them",
    "qwen2_5_vl": "Pillow resizes images to multiples of 28 pixels before the processor sees them",
    "qwen3_vl": "it puts a system turn before the question, and Pillow alone resizes images, to multiples of 32 pixels",
}
AS_STORED = ("llava_hf", "qwen2_vl")  # they compute in the checkpoint's own type


class Backend(StrEnum):
    """What lmms-eval runs the model in."""

    TRANSFORMERS = "hf"
    VLLM = "vllm"


@dataclass(frozen=True)
class Subject:
    """A checkpoint to be benchmarked.

    `directory` holds weights and processor; its generation config has no penalty and no sampling. `base` is the base
    model, a directory or a Hub id; `tuned` tells whether this is something trained on it.
    """

    directory: Path
    family: Family
    base: str
    tuned: bool


@contextmanager
def opened(checkpoint: Checkpoint, beside: Path) -> Iterator[Subject]:
    """Give a whole checkpoint while the block lasts; an adapter is merged where it is not merged yet.

    What has to be made is made in a temporary directory in `beside`.

    Raises:
        InputError: the merged checkpoint fails its verification, or the generation config cannot be read.
    """
    beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="benchmark.partial-", dir=beside) as scratch:
        if checkpoint.adapter_dir is None:
            whole = local_directory(checkpoint.base, checkpoint.revision)
        elif is_merged(checkpoint.adapter_dir):
            whole = checkpoint.adapter_dir.parent / "merged"
        else:
            console.print(f"Merging {checkpoint.adapter_dir}", soft_wrap=True)
            whole = Path(scratch) / "merged"
            merge(checkpoint, whole)
        view = _view(whole, Path(scratch) / "checkpoint")
        yield Subject(view, family_of(str(whole)), base_name(checkpoint), checkpoint.adapter_dir is not None)


def base_name(checkpoint: Checkpoint) -> str:
    """Return what names a checkpoint's base wherever it is looked at: a directory's whole path, or a Hub id."""
    return str(Path(checkpoint.base).resolve()) if Path(checkpoint.base).is_dir() else checkpoint.base


def resolve_subject(name: str) -> Named:
    """Return what a name means; the merged model of a run is taken for that run."""
    path = Path(name)
    if path.name == "merged" and path.is_dir() and find_adapter(path.parent):
        return replace(resolve(str(path.parent), to_train=False), name=name)
    return resolve(name, to_train=False)


def is_merged(adapter_dir: Path) -> bool:
    """Tell whether the merged model beside an adapter passed its verification, and neither has changed since."""
    merged = adapter_dir.parent / "merged"
    if not (merged / VERIFICATION).is_file():
        return False
    proof = read_json(merged / VERIFICATION)
    changed = [
        *changed_files(adapter_dir, proof["sha256"]["adapter"]),
        *changed_files(merged, proof["sha256"]["merged"]),
    ]
    return bool(proof["passed"]) and not changed


def _view(whole: Path, view: Path) -> Path:
    """Make a directory of links to a checkpoint's files, with a generation config of its own."""
    view.mkdir()
    for path in whole.iterdir():
        if path.is_file() and path.name != GENERATION:
            (view / path.name).symlink_to(path.resolve())
    stated: Any = read_json(whole / GENERATION) if (whole / GENERATION).is_file() else {}
    kept = {name: stated[name] for name in TOKENS if name in stated}
    (view / GENERATION).write_text(json.dumps(kept | {"do_sample": False}, indent=2), encoding="utf-8")
    return view


def identity(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return what tells a model apart from another one of the same name: its adapter's hashes, or its files."""
    if checkpoint.adapter_dir:
        return {"base": checkpoint.base, "revision": checkpoint.revision, "files": fingerprints(checkpoint.adapter_dir)}
    files = {}
    if Path(checkpoint.base).is_dir():
        for path in sorted(Path(checkpoint.base).iterdir()):
            files[path.name] = f"{path.stat().st_size} bytes, {path.stat().st_mtime_ns}"
    return {"base": checkpoint.base, "revision": checkpoint.revision, "files": files}


def trained_vsr_families(checkpoint: Checkpoint) -> set[str]:
    """Return the VSR split families in the data that a run was trained on, as its record says."""
    adapter_dir = checkpoint.adapter_dir
    if adapter_dir is None or not (adapter_dir / "run.json").is_file():
        return set()
    data = read_json(adapter_dir / "run.json")["data"]
    return {facts["family"] for facts in data.get("sources", {}).values() if "family" in facts}


def image_limits(directory: Path) -> dict[str, int]:
    """Return the limits that the checkpoint's processor sets on images, under lmms-eval's names.

    Qwen's are numbers of pixels, InternVL's numbers of tiles; LLaVA-NeXT's sizes cannot be given from outside.
    """
    images: Any = load_processor(str(directory)).image_processor
    if hasattr(images, "max_patches"):
        return {"min_patches": images.min_patches, "max_patches": images.max_patches}
    size = dict(images.size)
    if {"shortest_edge", "longest_edge"} <= size.keys():
        return {"min_pixels": size["shortest_edge"], "max_pixels": size["longest_edge"]}
    return {}


def differences(subject: Subject, backend: str) -> list[str]:
    """Return in words how lmms-eval's input differs from what this kit trains and evaluates on."""
    from transformers import AutoConfig

    found = []
    processor = load_processor(str(subject.directory))
    tokenizer = processor.tokenizer
    encoder = Encoder(subject.family, processor)
    # Everywhere the checkpoint's own template makes the prompt. lmms-eval's wrappers of Transformers let the tokenizer
    # add its special tokens in any case; vLLM's chat adds none.
    prompt = encoder.prompt_text({"id": "any", "images": [None], "prompt": [{"content": "Which side?"}]})
    theirs, ours = (
        len(tokenizer(prompt, add_special_tokens=each).input_ids)
        for each in (backend == Backend.TRANSFORMERS, encoder.adds_special_tokens(prompt))
    )
    if theirs != ours:
        found.append(f"its prompts have {theirs - ours:+d} special token(s)")
    end = end_token(subject.family, processor)
    if end != tokenizer.eos_token:
        found.append(f"it ends answers at {tokenizer.eos_token!r}, this kit at {end!r}")
    dtype = str(AutoConfig.from_pretrained(subject.directory).dtype).removeprefix("torch.")
    if backend == Backend.TRANSFORMERS and subject.family.lmms_eval not in AS_STORED and dtype != "bfloat16":
        found.append(f"it computes in bfloat16, while the checkpoint is {dtype}")
    if backend == Backend.TRANSFORMERS and subject.family.lmms_eval in OF_THEMSELVES:
        found.append(OF_THEMSELVES[subject.family.lmms_eval])
    return found
