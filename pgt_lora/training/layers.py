"""How the language model's layers compute, where a recipe asks for it: compiled, and LoRA without a detour by fp32."""

from typing import Any

import torch
from peft.tuners.lora import LoraLayer

# Layers share their code, and with it the compiler's limit: a few graphs for each of them.
GRAPHS = 64


def compile_layers(model: Any, backend: str = "inductor") -> None:
    """Have every layer of a language model compiled at its first step, for whatever lengths come.

    The last one stays as it is: what it computes for supervised positions alone has another size in every batch.
    """
    torch._dynamo.config.recompile_limit = max(GRAPHS, torch._dynamo.config.recompile_limit)
    for layer in model.get_decoder().layers[:-1]:
        layer.compile(dynamic=True, backend=backend)


def cast_lora_inputs(model: Any, cast: bool) -> None:
    """Have LoRA cast its inputs to its own type, as PEFT does; in mixed precision, which casts them back, or not."""
    for module in model.modules():
        if isinstance(module, LoraLayer):
            module.cast_input_dtype_enabled = cast
