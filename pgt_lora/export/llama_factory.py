"""Recipes as LLaMA-Factory reads them, so that a run can be repeated there."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import yaml

from pgt_lora.core.batches import step_shape
from pgt_lora.core.errors import InputError, choices
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.recipe_rules import FIXED
from pgt_lora.models.families.family import PROJECTIONS
from pgt_lora.models.placement import ALL_LINEAR

# The chat templates of LLaMA-Factory; LLaVA-NeXT has one for each language model, told by the checkpoint's name.
TEMPLATES = {"qwen2_vl": "qwen2_vl", "qwen2_5_vl": "qwen2_vl", "internvl3": "intern_vl", "llava_next": "llava_next"}
LLAVA_TEMPLATES = {"mistral": "llava_next_mistral", "llama3": "llava_next_llama3"}
ATTENTION = {"eager": "disabled", "sdpa": "sdpa", "flash_attention_2": "fa2"}

# Transformers' own arguments, which LLaMA-Factory takes as they are.
SAME = (
    "max_steps", "lr_scheduler_kwargs", "optim_args", "neftune_noise_alpha", "data_seed", "tf32", "full_determinism",
    "torch_compile", "torch_compile_backend", "torch_compile_mode", "save_strategy", "save_total_limit",
    "logging_strategy", "logging_first_step", "dataloader_num_workers", "dataloader_prefetch_factor",
    "dataloader_persistent_workers", "dataloader_pin_memory",
)  # fmt: skip

# What is written whether a recipe says it or not, or under another name.
WRITTEN = (
    "model_name_or_path", "model_revision", "model_family", "dtype", "bf16", "fp16", "attn_implementation", "lora_r",
    "lora_alpha", "lora_dropout", "lora_target_modules", "use_rslora", "max_length", "per_device_train_batch_size",
    "global_batch_size", "learning_rate", "num_train_epochs", "lr_scheduler_type", "warmup_steps", "max_grad_norm",
    "weight_decay", "optim", "adam_beta1", "adam_beta2", "adam_epsilon", "seed", "logging_steps", "save_steps",
    "gradient_checkpointing", "activation_checkpointing", "train_sampling_strategy", "load_in_4bit",
    "bnb_4bit_quant_type", "use_bnb_nested_quant",
)  # fmt: skip

# What has no part in training on an exported dataset with one GPU: how the data was made, what is scored and reported,
# how this kit computes the same thing, and several processes.
NO_PART = (
    "canvas", "tasks", "style", "max_count", "num_samples", "num_test_samples", "skills", "replay", "max_new_tokens",
    "score_supervised_only", "feature_cache_gb", "compile_layers", "cast_lora_inputs", "use_cpu", "report_to",
    "run_name", "project", "disable_tqdm", "log_level", "log_level_replica", "per_device_eval_batch_size",
    "eval_steps", "ddp_timeout", "ddp_backend", "ddp_bucket_cap_mb",
)  # fmt: skip


def llama_factory_recipe(recipe: Recipe, data: str, out: str) -> str:
    """Return the YAML with which LLaMA-Factory trains as a recipe says, on one GPU, on a dataset exported here.

    Raises:
        InputError: the recipe's global batch is no multiple of its batch, its family's template is not known, or a
            field of it has no counterpart.
    """
    check_counterparts(recipe)
    values = {
        "model_name_or_path": recipe.base,
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora",
        "freeze_vision_tower": True,  # and with it, LoRA keeps to the language model
        "freeze_multi_modal_projector": True,
        "template": template_of(recipe),
        "dataset_dir": data,
        "dataset": "pgt",
        "media_dir": data,
        "cutoff_len": recipe.sft.max_length or 32768,
        "output_dir": out,
        "report_to": "none",
    }
    same = {key: recipe.values[key] for key in SAME if recipe.values.get(key) is not None}
    return yaml.safe_dump(values | _model(recipe) | _optimization(recipe) | same, sort_keys=False)


def check_counterparts(recipe: Recipe) -> None:
    """Check that every field that changes what a recipe trains can be said to LLaMA-Factory.

    Raises:
        InputError: one cannot.
    """
    defaults = {f.name: f.default for config in (recipe.sft, recipe.model, recipe.kit) for f in fields(config)}
    without = [
        key
        for key, value in recipe.values.items()
        if key not in {*SAME, *WRITTEN, *NO_PART, *FIXED}
        and value not in (None, defaults[key], {"use_reentrant": False})
    ]
    if without:
        raise InputError(
            f"{recipe.name}: {', '.join(without)}: no counterpart in LLaMA-Factory; export a copy of the recipe without"
        )
    attention = recipe.model.attn_implementation
    if attention is not None and attention not in ATTENTION:
        raise InputError(f"{recipe.name}: attn_implementation {attention}: LLaMA-Factory knows {choices(ATTENTION)}")


def template_of(recipe: Recipe) -> str:
    """Return the name of a recipe's chat template in LLaMA-Factory.

    Raises:
        InputError: it is not known.
    """
    template = TEMPLATES.get(recipe.kit.model_family)
    if template is None:
        raise InputError(f"{recipe.name}: no template for {recipe.kit.model_family}; known: {choices(TEMPLATES)}")
    if template == "llava_next":
        return next((name for key, name in LLAVA_TEMPLATES.items() if key in recipe.base), template)
    return template


def _model(recipe: Recipe) -> dict[str, Any]:
    """Return what is said of LoRA and of how the base is loaded."""
    model = recipe.model
    values: dict[str, Any] = {
        "lora_rank": model.lora_r,
        "lora_alpha": model.lora_alpha,
        "lora_dropout": model.lora_dropout,
        "lora_target": _targets(model.lora_target_modules),
        "use_rslora": model.use_rslora,
        "bf16": model.dtype == "bfloat16",
        "fp16": model.dtype == "float16",
        "disable_gradient_checkpointing": not recipe.checkpointing,
    }
    if recipe.checkpointing:
        values["use_reentrant_gc"] = False
    if model.model_revision not in (None, "main"):
        values["model_revision"] = model.model_revision
    if model.attn_implementation:
        values["flash_attn"] = ATTENTION[model.attn_implementation]
    if model.load_in_4bit:
        values |= {
            "quantization_bit": 4, "quantization_method": "bnb", "quantization_type": model.bnb_4bit_quant_type,
            "double_quantization": model.use_bnb_nested_quant,
        }  # fmt: skip
    return values


def _optimization(recipe: Recipe) -> dict[str, Any]:
    """Return what is said of steps, optimizer and schedule."""
    sft, shape = recipe.sft, step_shape(recipe, 1)
    whole = sft.warmup_steps >= 1  # below, it is a share of all steps
    values: dict[str, Any] = {
        "per_device_train_batch_size": shape.batch_size,
        "gradient_accumulation_steps": shape.accumulation,
        "learning_rate": sft.learning_rate,
        "num_train_epochs": sft.num_train_epochs,
        "lr_scheduler_type": _name(sft.lr_scheduler_type),
        "warmup_steps" if whole else "warmup_ratio": int(sft.warmup_steps) if whole else sft.warmup_steps,
        "optim": _name(sft.optim),
        "adam_beta1": sft.adam_beta1,
        "adam_beta2": sft.adam_beta2,
        "adam_epsilon": sft.adam_epsilon,
        "max_grad_norm": sft.max_grad_norm,
        "weight_decay": sft.weight_decay,
        "seed": sft.seed,
        "logging_steps": sft.logging_steps,
        "save_steps": sft.save_steps,
    }
    if sft.train_sampling_strategy == "sequential":
        values["disable_shuffling"] = True
    return values


def _name(member: Any) -> str:
    """Return an enumeration's member as recipes write it."""
    return str(getattr(member, "value", member))


def _targets(asked: Sequence[str] | str | None) -> str:
    """Return the modules that LoRA sits on as LLaMA-Factory writes them."""
    given = [asked] if isinstance(asked, str) else list(asked or PROJECTIONS)
    return "all" if given == [ALL_LINEAR] else ",".join(given)
