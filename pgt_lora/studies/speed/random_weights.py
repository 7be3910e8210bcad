"""A published model at its full size with random weights, for machines that cannot reach the Hub."""

from pathlib import Path
from typing import Any

import torch

from pgt_lora.core.errors import InputError, choices
from pgt_lora.models.published import PUBLISHED, build_config
from pgt_lora.tiny.processors import build_processor


def write_random(base: str, dtype: torch.dtype, directory: Path) -> Path:
    """Write a checkpoint of a published model's size, its weights random, and return its directory.

    Its tokenizer is the small models': questions take some more tokens than they would with the published one.

    Raises:
        InputError: the model's dimensions are not known.
    """
    write_frame(base, directory)
    model = build(directory, dtype, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    model.save_pretrained(directory)
    return directory


def write_frame(base: str, directory: Path) -> Path:
    """Write what a published model's checkpoint holds but its weights, and return its directory; raises the same."""
    from transformers import AutoModelForImageTextToText

    if base not in PUBLISHED:
        raise InputError(f"{base}: no published dimensions; known: {choices(PUBLISHED)}")
    processor: Any = build_processor(PUBLISHED[base])
    processor.tokenizer.backend_tokenizer.model.dropout = None  # or every byte would be a token
    config = build_config(PUBLISHED[base])
    config.image_token_id = processor.tokenizer.convert_tokens_to_ids(processor.image_token)
    with torch.device("meta"):
        config.architectures = [type(AutoModelForImageTextToText.from_config(config)).__name__]
    config.save_pretrained(directory)
    processor.save_pretrained(directory)
    return directory


def build(directory: Path, dtype: torch.dtype, device: torch.device, **kwargs: Any) -> Any:
    """Return a model as a directory's configuration says, the same random weights every time.

    `kwargs` are those of `from_config`.
    """
    from transformers import AutoConfig, AutoModelForImageTextToText

    config = AutoConfig.from_pretrained(directory)
    torch.manual_seed(0)
    with device:
        return AutoModelForImageTextToText.from_config(config, dtype=dtype, **kwargs)
