"""What a model is trained on for one sample, as a person can read it."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from pgt_lora.data.preview import Audit
from pgt_lora.models.encoding import IGNORE, Encoder


def audit_row(encoder: Encoder, row: Mapping[str, Any]) -> Audit:
    """Return a row's training sequence in masked and supervised spans, its image placeholders folded."""
    batch = encoder.training_batch([row])
    ids, labels = batch["input_ids"][0].tolist(), batch["labels"][0].tolist()
    spans = []
    for supervised, pairs in groupby(zip(ids, labels, strict=True), key=lambda pair: pair[1] != IGNORE):
        spans.append((_folded(encoder, [token for token, _ in pairs]), supervised))
    return Audit(tuple(spans), len(ids), sum(label != IGNORE for label in labels))


def _folded(encoder: Encoder, ids: Sequence[int]) -> str:
    parts = []
    for is_image, run in groupby(ids, key=lambda token: token == encoder.image_id):
        tokens = list(run)
        parts.append(f"‹image × {len(tokens)}›" if is_image else encoder.processor.tokenizer.decode(tokens))
    return "".join(parts)
