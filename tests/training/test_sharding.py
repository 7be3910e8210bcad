"""A model that FSDP shards trains as a whole one does."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from accelerate import FullyShardedDataParallelPlugin

from pgt_lora.training.sharding import prepare_sharding
from tests.support.discovered import FAMILIES, small_model


@pytest.mark.parametrize("name", FAMILIES)
def test_the_layers_that_it_has_are_wrapped(name: str) -> None:
    model = small_model(name)
    plugin = FullyShardedDataParallelPlugin(fsdp_version=2, auto_wrap_policy="TRANSFORMER_BASED_WRAP")
    prepare_sharding(plugin, model)
    plugin.set_auto_wrap_policy(model)  # which refuses layers that the model lacks
    assert type(model.get_decoder().layers[0]).__name__ in plugin.transformer_cls_names_to_wrap
    assert plugin.mixed_precision_policy is None  # the recipe computes in float32


@pytest.mark.slow
@pytest.mark.parametrize("name", ["qwen2_5_vl", "llava_next"])
def test_loss_and_gradients_are_those_of_one_gpu(name: str, data_dir: Path) -> None:
    words = [sys.executable, "-m", "tests.support.sharded", name, str(data_dir)]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout.splitlines()[-1])
    whole, sharded = told["losses"]
    assert told["dtype"] == "torch.float32"
    assert sharded == pytest.approx(whole, rel=1e-6)
    assert told["apart"] < 1e-5
