"""Configurations of published models, small in what would take memory and time."""

from typing import Any

from pgt_lora.models.published import Published, build_config

LAYERS = 3
SMALL = {
    "num_hidden_layers": LAYERS, "hidden_size": 384, "intermediate_size": 1024, "num_attention_heads": 6,
    "num_key_value_heads": 2, "vocab_size": 1024,
}  # fmt: skip


def small_config(published: Published) -> Any:
    """The configuration of a published model with a small language model and the smallest of vision towers."""
    config = build_config(published)
    text = config.get_text_config()
    for key, value in SMALL.items():
        setattr(text, key, value)
    text.layer_types = ["full_attention"] * LAYERS
    if hasattr(text, "head_dim"):
        text.head_dim = 64
    vision = config.vision_config
    if "mrope_section" in (text.rope_parameters or {}):
        text.rope_parameters["mrope_section"] = [8, 12, 12]
    # The tower's features are as wide as the language model, under one name or the other.
    if hasattr(vision, "embed_dim"):
        vision.hidden_size = SMALL["hidden_size"]
    elif hasattr(vision, "out_hidden_size"):
        vision.out_hidden_size = SMALL["hidden_size"]
    setattr(vision, "depth" if hasattr(vision, "depth") else "num_hidden_layers", 1)
    return config
