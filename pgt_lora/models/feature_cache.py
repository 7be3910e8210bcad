"""Frozen features: what the vision tower makes of a dataset's images, computed once, for every epoch, run and model.

LoRA leaves the vision tower and the projector as they are, so an image's features are the same in every step. They are
kept in files, with the encoded prompts, in a directory beside the dataset that is named by the hash of all that they
depend on, and mapped into memory.
"""

import hashlib
import inspect
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import BatchFeature

from pgt_lora.core.errors import InputError
from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.terminal import console, track
from pgt_lora.data.directory import read_manifest
from pgt_lora.models.cached_encoder import FEATURES_FILE, PROMPTS_FILE, column_file, read
from pgt_lora.models.checkpoint import without_adapter
from pgt_lora.models.encoding import Encoder
from pgt_lora.models.lengths import Length

ROWS, SIDE = 32, 448  # a part is at most so many rows, and the image tokens of as many images of that many pixels
LAYOUT = 5  # of these files and of how images are decoded; another number makes other caches
FREE_SHARE = 0.9  # of the free disk that a cache may take
# How the settings of a configuration begin that decide what becomes of an image; training changes others.
OF_IMAGES = ("vision_", "image_", "projector_", "multimodal_", "downsample_")


def cached(
    encoder: Encoder, model: Any, rows: Any, data: Path, limit_gb: float, lengths: Sequence[Length]
) -> Encoder:  # fmt: skip
    """Return an encoder that reads the features of a dataset directory's images from a cache, made where it is not yet.

    Returns `encoder` itself where the model takes more of an image than its features, where there is no image; and,
    saying so, where they would take more than `limit_gb` or than the disk has free.
    """
    if not encoder.family.features_suffice or not limit_gb:
        return encoder
    base = without_adapter(model)
    data = data.resolve()
    key = fingerprint(base, encoder, read_manifest(data)["content_hash"])
    directory = data.with_name(f"{data.name}-features-{key}")
    if not directory.is_dir():
        size_gb = num_bytes(base, lengths) / 1e9
        if not size_gb:
            return encoder
        free_gb = FREE_SHARE * shutil.disk_usage(data).free / 1e9 if os.access(data.parent, os.W_OK) else 0.0
        if size_gb > min(limit_gb, free_gb):
            console.print(
                f"Image features would take {size_gb:,.1f} GB, more than feature_cache_gb {limit_gb:g} or than the "
                f"{free_gb:,.1f} GB that are free in {data.parent}: every image is computed whenever it is seen",
                soft_wrap=True,
            )
            return encoder
        console.print(f"Image features: about {size_gb:,.2f} GB in {directory}", soft_wrap=True)
        try:
            with new_directory(directory) as partial:
                write(partial, base, encoder, rows, lengths)
        except (InputError, OSError):
            if not directory.is_dir():  # or another run, on this data too, was quicker
                raise
    return read(directory, base, encoder)


def fingerprint(base: Any, encoder: Encoder, content_hash: str) -> str:
    """Return the hash of all that features and prompts depend on: data, processor, tower, settings and versions."""
    processor: Any = encoder.processor
    settings = {name: value for name, value in base.config.to_dict().items() if name.startswith(OF_IMAGES)}
    own = {name: value for name, value in vars(processor).items() if isinstance(value, (str, int, float))}
    tokenizer = json.loads(processor.tokenizer.backend_tokenizer.to_str())
    for state in ("padding", "truncation"):  # as the last call left them
        tokenizer.pop(state)
    told = [
        LAYOUT, content_hash, encoder.family.name, str(base.dtype), base.device.type, torch.__version__,
        transformers.__version__, json.dumps(tokenizer), processor.chat_template,
        processor.image_processor.to_json_string(), json.dumps([settings, own], sort_keys=True, default=str),
    ]  # fmt: skip
    digest = hashlib.sha256("\0".join(map(str, told)).encode())
    for name, parameter in base.named_parameters():
        if encoder.family.is_frozen_vision(name):
            digest.update(name.encode())
            digest.update(as_bytes(parameter.detach().cpu()))
    return digest.hexdigest()[:16]


def num_bytes(base: Any, lengths: Iterable[Length]) -> int:
    """Return about what the features of all distinct images take.

    Tokens that stand around an image count as the image's, as they do in the processors; so it is never too few.
    """
    tokens = {length.images: length.image for length in lengths}
    return sum(tokens.values()) * base.config.get_text_config().hidden_size * base.dtype.itemsize


def write(directory: Path, base: Any, encoder: Encoder, rows: Any, lengths: Sequence[Length]) -> None:
    """Encode every row's prompt, and every distinct image once, in large parts without gradients."""
    keys = [length.images for length in lengths]
    first: dict[bytes, int] = {}
    for index, key in enumerate(keys):
        if key:
            first.setdefault(key, index)
    fresh = list(first.values())
    again = sorted(set(range(len(rows))) - set(fresh))
    most = ROWS * encoder.image_tokens((SIDE, SIDE), "a part")
    parts = [part for each in (fresh, again) for part in cut(each, lengths, most)]
    spans: dict[bytes, tuple[int, int]] = {b"": (0, 0)}
    ids: dict[str, None] = {}
    columns = Columns(directory)
    end, splits = 0, False
    base.eval()
    with (directory / FEATURES_FILE).open("wb") as file:
        for part in track(parts, len(parts), "Image features"):
            chosen = [rows[index] for index in part]
            batch = encoder.prompts(chosen)
            if keys[part[0]] not in spans:
                found, splits = compute(base, batch)
                counts = (batch["input_ids"] == base.config.image_token_id).sum(1).tolist()
                for index, values in zip(part, found.split(counts), strict=True):
                    spans[keys[index]] = (end, end + len(values))
                    end += len(values)
                file.write(as_bytes(found))
            parts_of_rows = split(batch, [len(row["images"]) for row in chosen])
            for index, row, prompt in zip(part, chosen, parts_of_rows, strict=True):
                if row["id"] in ids:
                    raise InputError(
                        f"row {row['id']}: two rows have this id; make the dataset again with one for each"
                    )
                ids[row["id"]] = None
                prompt["span"] = torch.tensor(spans[keys[index]])
            columns.add(parts_of_rows)
    torch.save({"ids": list(ids), "columns": columns.index(), "splits": splits}, directory / PROMPTS_FILE)


def cut(indices: Iterable[int], lengths: Sequence[Length], most: int) -> list[list[int]]:
    """Cut rows into parts of at most `ROWS`, with at most so many image tokens or of one row that has more.

    What the vision tower takes grows with them, and photographs of a phone have sixty times those of a small canvas.
    """
    parts: list[list[int]] = []
    room = 0
    for index in indices:
        if not parts or len(parts[-1]) == ROWS or lengths[index].image > room:
            parts.append([])
            room = most
        parts[-1].append(index)
        room -= lengths[index].image
    return parts


class Columns:
    """Files of a cache's directory, one for each tensor of the prompts, to which rows are appended: none is held.

    Whole numbers are kept in 32 bits: ids, masks and sizes fit.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.num_rows = 0
        self.kinds: dict[str, torch.Tensor] = {}  # none of the values, for their type and shape
        self.counts: dict[str, list[int]] = {}  # of the values, for every row

    def add(self, rows: Sequence[Mapping[str, torch.Tensor]]) -> None:
        """Append rows; those of text alone lack some of the columns."""
        for name in {name: None for row in rows for name in row}:
            values = torch.cat([row[name] for row in rows if name in row])
            values = values.int() if values.dtype == torch.int64 else values
            self.kinds.setdefault(name, values[:0].clone())
            self.counts.setdefault(name, [0] * self.num_rows)
            with (self.directory / column_file(name)).open("ab") as file:
                file.write(as_bytes(values))
        self.num_rows += len(rows)
        for name, counts in self.counts.items():
            counts.extend(len(row[name]) if name in row else 0 for row in rows)

    def index(self) -> dict[str, tuple[torch.Tensor, list[int]]]:
        """Return of every column none of its values, and how many each row has."""
        return {name: (kind, self.counts[name]) for name, kind in self.kinds.items()}


def compute(base: Any, batch: BatchFeature) -> tuple[torch.Tensor, bool]:
    """Return the features of a batch's images, shape (tokens, hidden), and whether they come image by image."""
    taken = inspect.signature(base.get_image_features).parameters
    pixels = BatchFeature({name: values for name, values in batch.items() if name in taken})
    with torch.inference_mode():
        output = base.get_image_features(**pixels.to(base.device).to(base.dtype), return_dict=True)
    pooled = output.pooler_output
    if isinstance(pooled, torch.Tensor):
        return pooled.flatten(0, -2).cpu(), False
    return torch.cat(list(pooled)).cpu(), True


def as_bytes(values: torch.Tensor) -> memoryview:
    """Return the bytes of a tensor in memory."""
    return values.contiguous().flatten().view(torch.uint8).numpy().data


def split(batch: BatchFeature, num_images: Sequence[int]) -> list[dict[str, torch.Tensor]]:
    """Return what of an encoded batch belongs to each row, without padding and pixels."""
    kept = batch["attention_mask"].bool()
    of_rows: list[dict[str, torch.Tensor]] = [{} for _ in num_images]
    for name, values in batch.items():
        if values.shape == kept.shape:
            parts = [row[keep] for row, keep in zip(values, kept, strict=True)]
        elif name != "pixel_values":
            # Of every image, or of every row that has some: LLaVA-OneVision's processor says how many.
            of_each = len(values) == sum(num_images)
            parts = list(values.split([number if of_each else min(number, 1) for number in num_images]))
        else:
            continue
        for row, part in zip(of_rows, parts, strict=True):
            row[name] = part
    return of_rows
