"""A recipe says the same to LLaMA-Factory, or why it cannot."""

from typing import Any

import pytest
import yaml

from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import RECIPES, load_recipe
from pgt_lora.export.llama_factory import llama_factory_recipe


def exported(*words: str) -> dict[str, Any]:
    recipe = load_recipe(RECIPES / "qwen2.5-vl-7b.yaml", ["--bf16", "false", *words])
    return dict(yaml.safe_load(llama_factory_recipe(recipe, "data", "out")))


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("qwen2.5-vl-7b", "qwen2_vl"),
        ("internvl3-8b", "intern_vl"),
        ("llava-next-vicuna-7b", "llava_next"),
        ("llava-next-mistral-7b", "llava_next_mistral"),
        ("llava-next-llama3-8b", "llava_next_llama3"),
    ],
)
def test_the_recipe_says_the_same_there(name: str, template: str) -> None:
    recipe = load_recipe(RECIPES / f"{name}.yaml", ["--bf16", "false", "--load_in_4bit", "true"])
    values = yaml.safe_load(llama_factory_recipe(recipe, "data", "out"))
    assert values["template"] == template
    assert values["per_device_train_batch_size"] * values["gradient_accumulation_steps"] == 64
    assert values["quantization_bit"] == 4
    assert values["learning_rate"] == pytest.approx(1e-4)
    assert (values["lora_rank"], values["lora_alpha"], values["warmup_ratio"]) == (8, 32, 0.1)
    assert values["lr_scheduler_type"] == "cosine"
    assert values["freeze_vision_tower"]


def test_a_family_without_a_template_there_is_named() -> None:
    recipe = load_recipe(RECIPES / "qwen3-vl-4b.yaml", ["--bf16", "false"])
    with pytest.raises(InputError, match="no template for qwen3_vl; known: internvl3, llava_next, qwen2_5_vl"):
        llama_factory_recipe(recipe, "data", "out")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--warmup_steps 100", {"warmup_steps": 100}),
        ("--max_steps 300", {"max_steps": 300}),
        ("--use_rslora true", {"use_rslora": True}),
        ("--optim adamw_8bit", {"optim": "adamw_8bit"}),
        ("--adam_beta2 0.95", {"adam_beta1": 0.9, "adam_beta2": 0.95, "adam_epsilon": 1e-8}),
        ('--lr_scheduler_kwargs {"num_cycles":2}', {"lr_scheduler_kwargs": {"num_cycles": 2}}),
        ("--gradient_checkpointing true", {"disable_gradient_checkpointing": False, "use_reentrant_gc": False}),
        ("--gradient_checkpointing false", {"disable_gradient_checkpointing": True}),
        ("--train_sampling_strategy sequential", {"disable_shuffling": True}),
        ("--attn_implementation flash_attention_2", {"flash_attn": "fa2"}),
        ("--load_in_4bit true", {"quantization_type": "nf4", "double_quantization": False}),
        ("--save_strategy no", {"save_strategy": "no"}),
        ("--neftune_noise_alpha 5", {"neftune_noise_alpha": 5}),
    ],
)
def test_what_changes_the_run_is_said_there(words: str, says: dict[str, Any]) -> None:
    assert exported(*words.split()).items() >= says.items()


def test_warmup_is_a_number_of_steps_or_a_share() -> None:
    assert "warmup_ratio" not in exported("--warmup_steps", "100")
    assert "warmup_steps" not in exported("--warmup_steps", "0.1")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("--eval_strategy epoch --early_stopping_patience 2", "eval_strategy, early_stopping_patience: no counterpart"),
        ("--streaming true --max_steps 5", "streaming: no counterpart"),
        ("--optim_target_modules [q_proj]", "optim_target_modules: no counterpart"),
        ("--attn_implementation flex_attention", "LLaMA-Factory knows eager, flash_attention_2, sdpa"),
    ],
)
def test_what_cannot_be_said_there_is_named(words: str, names: str) -> None:
    with pytest.raises(InputError) as refused:
        exported(*words.split())
    assert names in str(refused.value)
