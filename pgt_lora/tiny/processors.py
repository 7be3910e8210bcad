"""Small models and processors by the name of their family."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pgt_lora.models.published import Published

if TYPE_CHECKING:
    from transformers import ProcessorMixin


def tiny_module(family: str) -> Any:
    """Return the module of `pgt_lora.tiny` that builds a family's small model and its processor."""
    return import_module(f"pgt_lora.tiny.{family}")


def build_processor(published: Published) -> "ProcessorMixin":
    """Return a processor that cuts images as the published one does and takes every byte of text for a token.

    No tokenizer of a published model makes more tokens of a text than it has bytes, so lengths are upper bounds. The
    chat format is that of the family's small model, which is the published one (`tests/models/test_templates.py`).
    """
    processor = tiny_module(published.family).build_processor(*filter(None, [published.form]))
    processor.image_processor = type(processor.image_processor)(**published.image_processor)
    for name, value in published.processor.items():
        setattr(processor, name, value)
    processor.tokenizer.backend_tokenizer.model.dropout = 1.0  # no merge is ever made
    return processor
