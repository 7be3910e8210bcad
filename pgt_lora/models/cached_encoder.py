"""Prompts and image features from a cache's files, in the place of the processor and the vision tower."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import BatchFeature
from transformers.modeling_outputs import BaseModelOutputWithPooling

from pgt_lora.models.encoding import Encoder

FEATURES, PROMPTS = "features.bin", "prompts.pt"


@dataclass
class ImageFeatures(BaseModelOutputWithPooling):
    """What a vision tower makes of images, as models take it in its stead."""

    def pin_memory(self) -> "ImageFeatures":
        """Return it in page-locked memory; data loaders ask this, and cannot do it to Transformers' own outputs."""
        parts: Any = self.pooler_output
        pinned: Any = tuple(each.pin_memory() for each in parts) if isinstance(parts, tuple) else parts.pin_memory()
        return ImageFeatures(pooler_output=pinned)


@dataclass(frozen=True)
class CachedEncoder(Encoder):
    """An encoder whose prompts and image features come from a cache.

    `prompts_of` holds, by row id, the tensors of the row's prompt and the `span` of its features, which has the shape
    (tokens, hidden) over the whole dataset. `splits` tells whether the model takes the features image by image.
    """

    prompts_of: Mapping[str, Mapping[str, torch.Tensor]]
    features: torch.Tensor
    splits: bool

    def prompts(self, rows: Sequence[Mapping[str, Any]]) -> BatchFeature:
        """Return the encoded prompts of rows, padded on the left, with `mm_encoder_outputs` in the place of pixels."""
        kept = [self.prompts_of[row["id"]] for row in rows]
        fill = {"input_ids": self.processor.tokenizer.pad_token_id or 0}
        batch: dict[str, Any] = {}
        for name in kept[0].keys() - {"span"}:
            values = [each[name] for each in kept]
            if values[0].shape == kept[0]["input_ids"].shape:
                batch[name] = pad_sequence(
                    values, batch_first=True, padding_value=fill.get(name, 0), padding_side="left"
                )
            else:
                batch[name] = torch.cat(values)
        found = torch.cat([self.features[slice(*each["span"].tolist())] for each in kept])
        pooled: Any = (found,) if self.splits else found
        batch["mm_encoder_outputs"] = {"image": ImageFeatures(pooler_output=pooled)}
        return BatchFeature(batch)


def read(directory: Path, base: Any, encoder: Encoder) -> CachedEncoder:
    """Return the encoder that reads from a cache's directory, the features mapped into memory."""
    saved = torch.load(directory / PROMPTS, weights_only=True)
    path = directory / FEATURES
    count = path.stat().st_size // base.dtype.itemsize
    features = torch.from_file(str(path), shared=False, size=count, dtype=base.dtype)
    features = features.view(-1, base.config.get_text_config().hidden_size)
    # One tensor a column is read, and cut into rows: reading a tensor for every row takes a thousand times as long.
    columns = [values.split(counts) for values, counts in saved["columns"].values()]
    parts = zip(saved["ids"], *columns, strict=True)
    prompts = {row_id: dict(zip(saved["columns"], values, strict=True)) for row_id, *values in parts}
    found = CachedEncoder(encoder.adapter, encoder.processor, prompts, features, saved["splits"])
    found.texts.update(encoder.texts)
    return found
