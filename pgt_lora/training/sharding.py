"""How FSDP shards a model: which layers it wraps, and in which types they compute."""

from dataclasses import replace
from typing import Any

import torch

from pgt_lora.core.errors import InputError


def prepare_sharding(plugin: Any, model: Any) -> None:
    """Have accelerate's FSDP2 plugin wrap the layers that a model has, and compute in the types of a single GPU.

    Left to itself, accelerate looks for all layers that the model's class names, and a class may name those of a text
    tower that only its contrastive parent has (CLIP's). And it casts what the model returns, the inputs of all layers
    and the sums of gradients to 16 bits: losses, the angles of rotary positions and LoRA's gradients would be rounded.

    Raises:
        InputError: the plugin is for FSDP 1.
    """
    if plugin.fsdp_version == 1:
        raise InputError("fsdp_version 1 computes otherwise than one GPU does; use fsdp_version: 2 in the launch file")
    classes = {type(module).__name__ for module in model.modules()}
    plugin.transformer_cls_names_to_wrap = sorted(classes.intersection(model._no_split_modules))
    if plugin.mixed_precision_policy is not None:
        plugin.mixed_precision_policy = replace(
            plugin.mixed_precision_policy, reduce_dtype=torch.float32, output_dtype=None, cast_forward_inputs=False
        )
