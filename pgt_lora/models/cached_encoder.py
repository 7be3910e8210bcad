"""Prompts and image features from a cache's files, in the place of the processor and the vision tower."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import BatchFeature
from transformers.modeling_outputs import BaseModelOutputWithPooling

from pgt_lora.models.encoding import Encoder
from pgt_lora.models.transformers_internals import FEATURES

FEATURES_FILE, PROMPTS_FILE = "features.bin", "prompts.pt"


def column_file(name: str) -> str:
    """Return the name of the file that holds one tensor of all prompts."""
    return f"prompts-{name}.bin"


def mapped(path: Path, kind: torch.Tensor) -> torch.Tensor:
    """Return a file's values, mapped into memory, in the type and the shape of an example without values."""
    count = path.stat().st_size // kind.dtype.itemsize
    if not count:  # nothing can be mapped
        return kind
    return torch.from_file(str(path), shared=False, size=count, dtype=kind.dtype).view(-1, *kind.shape[1:])


@dataclass
class ImageFeatures(BaseModelOutputWithPooling):
    """What a vision tower makes of images, as models take it in its stead."""

    def pin_memory(self) -> "ImageFeatures":
        """Return it in page-locked memory; data loaders ask this, and cannot do it to Transformers' own outputs."""
        parts: Any = self.pooler_output
        pinned: Any = tuple(each.pin_memory() for each in parts) if isinstance(parts, tuple) else parts.pin_memory()
        return ImageFeatures(pooler_output=pinned)


class Cache:
    """A cache's directory, read when it is first asked; it travels to other processes as its path alone.

    `features` are mapped into memory, shape (tokens, hidden) over the whole dataset, and so are the `columns` of the
    rows' prompts, one behind the other, each with where the rows begin in it. `splits` tells whether the model takes
    the features image by image.
    """

    def __init__(self, directory: Path, dtype: torch.dtype, hidden: int) -> None:
        self.directory, self.dtype, self.hidden = directory, dtype, hidden
        self.number: Mapping[str, int] = {}  # of a row, by its id
        self.columns: Mapping[str, tuple[torch.Tensor, torch.Tensor]] = {}

    def __getstate__(self) -> tuple[Path, torch.dtype, int]:
        return self.directory, self.dtype, self.hidden

    def __setstate__(self, state: tuple[Path, torch.dtype, int]) -> None:
        Cache.__init__(self, *state)

    def opened(self) -> "Cache":
        """Return itself, its files read."""
        if not self.number:
            saved = torch.load(self.directory / PROMPTS_FILE, weights_only=True)
            self.features = mapped(self.directory / FEATURES_FILE, torch.empty(0, self.hidden, dtype=self.dtype))
            self.splits = bool(saved["splits"])
            # One tensor a column is read, and a row is cut out when it is asked for: a tensor for every row takes a
            # thousand times as long to read, and more memory than what is in it.
            self.columns = {
                name: (mapped(self.directory / column_file(name), kind), torch.tensor([0, *counts]).cumsum(0))
                for name, (kind, counts) in saved["columns"].items()
            }
            self.number = {row_id: number for number, row_id in enumerate(saved["ids"])}
        return self

    def prompt(self, row_id: str) -> dict[str, torch.Tensor]:
        """Return the tensors of a row's prompt, and the `span` of its features."""
        number, found = self.number[row_id], {}
        for name, (values, starts) in self.columns.items():
            cut = values[starts[number] : starts[number + 1]]
            found[name] = cut.long() if cut.dtype == torch.int32 else cut  # as processors have them
        return found


@dataclass(frozen=True)
class CachedEncoder(Encoder):
    """An encoder whose prompts and image features come from a cache."""

    cache: Cache = field(kw_only=True)

    def prompts(self, rows: Sequence[Mapping[str, Any]]) -> BatchFeature:
        """Return the encoded prompts of rows, padded on the left, with `mm_encoder_outputs` in the place of pixels."""
        cache = self.cache.opened()
        kept = [cache.prompt(row["id"]) for row in rows]
        fill = {"input_ids": self.processor.tokenizer.pad_token_id or 0}
        batch: dict[str, Any] = {}
        for name in kept[0].keys() - {"span"}:
            values = [each[name] for each in kept]
            if values[0].shape == kept[0]["input_ids"].shape:
                batch[name] = pad_sequence(
                    values, batch_first=True, padding_value=fill.get(name, 0), padding_side="left"
                )
            elif len(joined := torch.cat(values)):  # of images; there may be none
                batch[name] = joined
        features = torch.cat([cache.features[slice(*each["span"].tolist())] for each in kept])
        if len(features):
            pooled: Any = (features,) if cache.splits else features
            batch[FEATURES] = {"image": ImageFeatures(pooler_output=pooled)}
        return BatchFeature(batch)


def read(directory: Path, base: Any, encoder: Encoder) -> CachedEncoder:
    """Return the encoder that reads from a cache's directory."""
    cache = Cache(directory, base.dtype, base.config.get_text_config().hidden_size)
    found = CachedEncoder(encoder.family, encoder.processor, cache=cache)
    found.texts.update(encoder.texts)
    return found
