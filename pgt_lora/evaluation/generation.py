"""Greedy answers, generated as this kit says and never as a checkpoint's own generation config does."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from accelerate.utils import send_to_device

from pgt_lora.models.checkpoint import without_adapter
from pgt_lora.models.encoding import Encoder

if TYPE_CHECKING:
    from transformers import GenerationConfig


@dataclass(frozen=True)
class Generation:
    """How answers are generated: greedily, and otherwise as these fields say, whatever the checkpoint's defaults."""

    batch_size: int = 32
    max_new_tokens: int = 16
    repetition_penalty: float = 1.0  # Qwen2.5-VL's generation config carries one that greedy decoding applies too


def answer(model: Any, encoder: Encoder, rows: Sequence[Any], generation: Generation) -> Iterator[str]:
    """Yield a greedy answer to every row's question, as text without special tokens."""
    tokenizer = encoder.processor.tokenizer
    own = _generation_config(encoder, generation)
    model.eval()
    for start in range(0, len(rows), generation.batch_size):
        chosen = range(start, min(start + generation.batch_size, len(rows)))
        batch = send_to_device(encoder.prompts([rows[index] for index in chosen]), model.device)
        batch = batch.to(model.dtype)  # casts pixels, not ids
        with torch.inference_mode(), _only(own, model):
            ids = model.generate(**batch, generation_config=own)
        yield from tokenizer.batch_decode(ids[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)


def _generation_config(encoder: Encoder, generation: Generation) -> "GenerationConfig":
    from transformers import GenerationConfig

    tokenizer = encoder.processor.tokenizer
    # Behind a token that ends a text or fills a batch comes another text; Qwen's base models end with the latter.
    ends = dict.fromkeys((encoder.end_id, tokenizer.eos_token_id, tokenizer.pad_token_id))
    return GenerationConfig(
        do_sample=False,
        num_beams=1,
        max_new_tokens=generation.max_new_tokens,
        repetition_penalty=generation.repetition_penalty,
        eos_token_id=[token for token in ends if token is not None],
        pad_token_id=encoder.end_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id,
    )


@contextmanager
def _only(own: "GenerationConfig", model: Any) -> Iterator[None]:
    """Let nothing but `own` say how answers are generated.

    `generate` fills what a configuration leaves open from the model's, and only then from neutral defaults. An open
    field is the one neutral value that `suppress_tokens` and others have.
    """
    whole = without_adapter(model)
    before, whole.generation_config = whole.generation_config, own
    try:
        yield
    finally:
        whole.generation_config = before
