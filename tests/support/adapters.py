"""Adapters that were trained elsewhere: PEFT's own files, with random weights, on any modules."""

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model

from pgt_lora.models.checkpoint import load_model

QKV = r".*language_model\.layers\.\d+\.self_attn\.[qkv]_proj"


def write_adapter(base: Path, out: Path, size: float = 0.02, safe: bool = True, **lora: Any) -> Path:
    """Write an adapter on a base; `size` is that of its random matrices, `lora` the fields of PEFT's `LoraConfig`."""
    torch.manual_seed(0)
    model = get_peft_model(load_model(str(base)).float(), LoraConfig(**{"target_modules": QKV, "r": 4} | lora))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name and parameter.ndim == 2:
                parameter.normal_(std=size)
    model.peft_config["default"].base_model_name_or_path = str(base)
    model.save_pretrained(out)
    (out / "recipe.yaml").write_text("canvas: 112\n")  # verified on small pictures
    if not safe:
        from safetensors.torch import load_file

        torch.save(load_file(out / "adapter_model.safetensors"), out / "adapter_model.bin")
        (out / "adapter_model.safetensors").unlink()
    return out
