"""Runs of fine-tuning, and their weights."""

from pathlib import Path

import torch
from safetensors.torch import load_file

from pgt_lora.core.recipe import RECIPES, load_recipe
from pgt_lora.training.finetune import finetune


def run_on(base: Path, data: Path, out: Path, family: str = "qwen2_5_vl") -> Path:
    words = [
        "--model_name_or_path", str(base), "--model_family", family, "--per_device_train_batch_size", "8",
        "--global_batch_size", "8", "--max_steps", "3", "--learning_rate", "0.02",
        "--use_rslora", "true",  # its scale is no power of two
    ]  # fmt: skip
    finetune(load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", words), data, out)
    return out


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "adapter" / "adapter_model.safetensors")


def equal(first: Path, second: Path) -> bool:
    a, b = weights(first), weights(second)
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)
