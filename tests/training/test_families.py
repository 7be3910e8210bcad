"""Every model family is trained."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig

from pgt_lora.core.recipe import RECIPES, load_recipe
from pgt_lora.training.finetune import finetune
from tests.support.discovered import EACH_CASE


@pytest.mark.parametrize(("name", "form"), EACH_CASE)
def test_trl_trains_it(
    name: str, form: str | None, checkpoint_of: Callable[..., Path], data_dir: Path, tmp_path: Path
) -> None:
    directory = checkpoint_of(name, form)
    overrides = {
        "model_name_or_path": directory, "model_family": name, "max_steps": 2, "logging_steps": 1,
        "per_device_train_batch_size": 2, "global_batch_size": 4, "warmup_steps": 0,
        "learning_rate": 1e-4,
    }  # fmt: skip
    words = [word for key, value in overrides.items() for word in (f"--{key}", str(value))]
    adapter_dir = finetune(load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", words), data_dir, tmp_path / "run")
    losses = [float(loss) for loss in re.findall(r'"loss": ([\d.]+)', (adapter_dir / "loss.json").read_text())]
    assert len(losses) == 2
    # Untrained, every token is about as likely as any other.
    expected = torch.tensor(AutoConfig.from_pretrained(directory).get_text_config().vocab_size).log().item()
    assert all(abs(loss - expected) < 0.5 for loss in losses)
