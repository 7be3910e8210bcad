"""LoRA sits on the language model's q, k and v, and nowhere else."""

import re
from pathlib import Path
from typing import Any

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.models.checkpoint import load_model
from pgt_lora.models.placement import check_placement, plain_targets, target_modules
from tests.support.discovered import FAMILIES, Subject


def is_fused(model: Any) -> bool:
    """Whether the vision tower has one projection for queries, keys and values."""
    return any(name.endswith(".qkv") for name, _ in model.named_modules())


def test_lora_sits_on_the_language_model_alone(subject: Subject) -> None:
    names = [name for name, _ in subject.model.named_modules()]
    layers = range(subject.model.config.get_text_config().num_hidden_layers)
    hit = {name for name in names if re.fullmatch(subject.encoder.family.lora_targets, name)}
    assert hit == {f"model.language_model.layers.{i}.self_attn.{kind}_proj" for i in layers for kind in "qkv"}
    suffixed = {name for name in names if name.endswith(("q_proj", "k_proj", "v_proj"))}
    assert (suffixed > hit) != is_fused(subject.model), "the vision towers that use the same names"


@pytest.mark.parametrize(("asked", "num"), [(None, 3), (["all-linear"], 7), ("o_proj", 1)])
def test_module_names_for_other_tools_place_it_alike(subject: Subject, asked: list[str] | str | None, num: int) -> None:
    from peft import LoraConfig, get_peft_model

    family, modules = subject.encoder.family, target_modules(subject.model, asked, "recipe")
    model = get_peft_model(load_model(str(subject.directory)), LoraConfig(target_modules=family.targets(modules)))
    placement = check_placement(model, family, modules)
    assert placement.num_modules == len(modules) * placement.num_layers
    targets, exclude = plain_targets(model, modules, family)
    config = LoraConfig(target_modules=targets, exclude_modules=exclude)
    named = get_peft_model(load_model(str(subject.directory)), config)
    assert check_placement(named, family, modules) == placement
    assert len(modules) == num


def test_a_suffix_list_is_refused(subject: Subject) -> None:
    """The usual `q_proj,k_proj,v_proj` lands in the vision tower too, where that has such names."""
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(
        load_model(str(subject.directory)), LoraConfig(target_modules=["q_proj", "k_proj", "v_proj"])
    )
    if is_fused(subject.model):
        placement = check_placement(model, subject.encoder.family)
        assert placement.num_modules == 3 * placement.num_layers
    else:
        with pytest.raises(InputError, match="vision_tower"):
            check_placement(model, subject.encoder.family)


def test_lora_outside_the_language_model_is_refused(base_dir: Path) -> None:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=8, target_modules=r".*(\.[qkv]_proj|attn\.proj)")
    with pytest.raises(InputError, match="visual"):
        check_placement(get_peft_model(load_model(str(base_dir)), config), FAMILIES["qwen2_5_vl"])
    config = LoraConfig(r=8, target_modules=["q_proj", "v_proj"])
    with pytest.raises(InputError, match="is on 12 modules"):
        check_placement(get_peft_model(load_model(str(base_dir)), config), FAMILIES["qwen2_5_vl"])
