"""Where LoRA sits, and how much of it, on the published architectures: built on the meta device, without weights."""

import re

import pytest
import torch

from pgt_lora.models.placement import check_placement
from pgt_lora.models.published import PUBLISHED, build_config
from tests.support.discovered import FAMILIES
from tests.support.published_sizes import SIZES


def test_every_published_checkpoint_has_its_size_here() -> None:
    assert set(PUBLISHED) == set(SIZES)


@pytest.mark.parametrize("name", SIZES)
def test_lora_on_the_published_architectures(name: str) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText

    billions, trainable = SIZES[name]
    adapter = FAMILIES[PUBLISHED[name].family]
    config = build_config(PUBLISHED[name])
    assert config.model_type == adapter.model_type
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(config)
    # The configuration is the published one: the model has its size.
    assert sum(p.numel() for p in model.parameters()) / 1e9 == pytest.approx(billions, abs=0.01)
    layers = config.get_text_config().num_hidden_layers
    names = {name for name, _ in model.named_modules() if re.fullmatch(adapter.lora_targets, name)}
    assert names == {f"model.language_model.layers.{i}.self_attn.{kind}_proj" for i in range(layers) for kind in "qkv"}

    with torch.device("meta"):
        peft_model = get_peft_model(model, LoraConfig(r=8, lora_alpha=32, target_modules=adapter.lora_targets))
    placement = check_placement(peft_model, adapter)
    assert (placement.num_layers, placement.num_modules) == (layers, 3 * layers)
    assert placement.num_trainable == trainable
