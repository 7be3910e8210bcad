"""The memory estimate, against what autograd keeps on models of the real classes, and as its inputs grow."""

import copy
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch

from pgt_lora.models.published import PUBLISHED, build_config
from pgt_lora.training.dry_run.memory import (
    CONTEXT,
    GIB,
    Batch,
    Dimensions,
    Setup,
    activations,
    dimensions,
    estimate,
    largest_batch,
)
from pgt_lora.training.dry_run.memory import shards_needed as shards
from tests.support.discovered import EACH_FAMILY, FAMILIES
from tests.support.small_configs import LAYERS, SMALL, small_config

NAMES = {published.family: name for name, published in PUBLISHED.items()}  # one of each family
ROWS, TOKENS = 2, 160
BATCH = Batch(size=8, tokens=350, supervised=4, vision_positions=1024)


@cache
def small_model(family: str) -> Any:
    """A model of a family with a small language model that has LoRA, and the least of vision towers; not to change."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText

    config = small_config(PUBLISHED[NAMES[family]])
    adapter = FAMILIES[family]
    model = AutoModelForImageTextToText.from_config(config, attn_implementation="sdpa", dtype=torch.bfloat16)
    return get_peft_model(model, LoraConfig(r=2, target_modules=adapter.lora_targets)).train()


def kept_bytes(model: Any, bf16: bool) -> int:
    """The bytes that a forward pass of the language model keeps for the backward pass, weights aside."""
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, torch.Tensor] = {}  # holding the tensors, so that no address is used twice

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        address = tensor.untyped_storage().data_ptr()
        if address not in weights:
            kept[address] = tensor
        return tensor

    embeds = torch.randn(ROWS, TOKENS, SMALL["hidden_size"], dtype=torch.bfloat16 if bf16 else torch.float32)
    decoder = model.get_base_model().get_decoder()
    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=bf16),
    ):
        decoder(inputs_embeds=embeds, attention_mask=None, use_cache=False)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


@pytest.mark.parametrize("bf16", [True, False], ids=["bf16", "fp32"])
@pytest.mark.parametrize("family", EACH_FAMILY)
def test_activations_are_what_autograd_keeps(family: str, bf16: bool) -> None:
    model = small_model(family)
    if not bf16:
        model = copy.deepcopy(model).float()
    batch = Batch(ROWS, TOKENS, 1, 0)
    setup = Setup(0, dtype_bytes=2 if bf16 else 4)
    one_more = 1 + 1 / LAYERS  # for the gradients, which a forward pass does not have
    estimated = activations(dimensions(model.get_base_model()), batch, setup) / one_more
    assert kept_bytes(model, bf16) == pytest.approx(estimated, rel=0.05)


@cache
def published(name: str) -> Dimensions:
    from transformers import AutoModelForImageTextToText

    with torch.device("meta"):
        return dimensions(AutoModelForImageTextToText.from_config(build_config(PUBLISHED[name])))


@pytest.mark.parametrize("name", PUBLISHED)
def test_memory_grows_and_falls_as_it_should(name: str) -> None:
    model, setup = published(name), Setup(num_trainable=3_000_000)
    plain = estimate(model, BATCH, setup)
    assert estimate(model, replace(BATCH, size=16), setup).total > plain.total
    assert estimate(model, replace(BATCH, tokens=700), setup).total > plain.total
    assert estimate(model, BATCH, replace(setup, checkpointing=True)).activations < plain.activations / 5
    packed = estimate(model, BATCH, replace(setup, four_bit=True))
    nested = estimate(model, BATCH, replace(setup, four_bit=True, nested=True))
    assert nested.weights < packed.weights < plain.weights
    assert packed.activations == plain.activations
    assert estimate(model, BATCH, replace(setup, num_shards=4)).weights < plain.weights
    assert estimate(model, BATCH, replace(setup, dtype_bytes=4)).total > plain.total
    assert plain.weights == 2 * model.num_parameters
    assert plain.lora == 16 * 3_000_000
    assert plain.logits < estimate(model, BATCH, replace(setup, on_cpu=True)).logits
    assert (plain.context, estimate(model, BATCH, replace(setup, on_cpu=True)).context) == (CONTEXT, 0)


def test_four_bits_are_those_of_the_language_models_layers() -> None:
    model = published("Qwen/Qwen2.5-VL-7B-Instruct")
    # By hand: q and o, k and v, three of the MLP, in 28 layers.
    per_layer = 2 * 3584 * 3584 + 2 * 3584 * 512 + 3 * 3584 * 18944
    assert model.num_quantized == 28 * per_layer
    packed = estimate(model, BATCH, Setup(0, four_bit=True)).weights
    rest = model.num_parameters - model.num_quantized
    assert packed == 28 * per_layer * 4.5 / 8 + 2 * rest + 2 * 3584 * 18944


def test_the_largest_batch_is_the_last_that_fits() -> None:
    model, setup = published("Qwen/Qwen2.5-VL-3B-Instruct"), Setup(num_trainable=2_506_752)
    size = largest_batch(model, BATCH, setup, 24, [1, 2, 4, 8, 16, 32, 64])
    assert size
    assert estimate(model, replace(BATCH, size=size), setup).total <= 0.9 * 24 * GIB
    assert estimate(model, replace(BATCH, size=2 * size), setup).total > 0.9 * 24 * GIB
    assert shards(model, BATCH, setup, 24) == 1


def test_what_no_card_holds_is_shared() -> None:
    model, setup = published("Qwen/Qwen2.5-VL-72B-Instruct"), Setup(num_trainable=22_282_240, checkpointing=True)
    assert largest_batch(model, BATCH, setup, 80, [1, 2]) is None
    num = shards(model, BATCH, setup, 80)
    assert num
    assert num > 1
    alone = replace(BATCH, size=1)
    assert estimate(model, alone, replace(setup, num_shards=num)).fits(80)
    assert not estimate(model, alone, replace(setup, num_shards=num // 2)).fits(80)
