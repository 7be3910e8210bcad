"""The trainer's making: model, LoRA, arguments and collator, from a recipe."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from accelerate import PartialState
from peft import LoraConfig
from transformers import BitsAndBytesConfig, set_seed
from trl import get_quantization_config

from pgt_lora.core.errors import InputError
from pgt_lora.core.plugins import lookup
from pgt_lora.core.recipe import Recipe
from pgt_lora.models.checkpoint import cached_commit, family, load_model, load_processor
from pgt_lora.models.encoding import Encoder
from pgt_lora.models.feature_cache import cached
from pgt_lora.models.lengths import measure, token_limit, too_long
from pgt_lora.training.loss import keep_supervised
from pgt_lora.training.trainer import Trainer


def build_trainer(recipe: Recipe, rows: Any, out: Path) -> tuple[Trainer, Encoder]:
    """Load the recipe's model and build TRL's trainer on it; return it with the encoder that is its collator.

    Raises:
        InputError: the model is of another family, needs a package that is not installed, or has fewer positions than a
            sample has tokens.
    """
    base, revision = recipe.base, recipe.model.model_revision
    adapter = family(base, revision)
    if adapter != lookup(
        "pgt_lora.models.families", "ADAPTER", recipe.kit.model_family, f"{recipe.name}: model_family"
    ):
        raise InputError(f"{recipe.name}: model_family {recipe.kit.model_family}, but {base} is {adapter.name}")
    encoder = Encoder(adapter, load_processor(base, revision))
    set_arguments(recipe, out)
    set_seed(recipe.sft.seed)
    model = load_base(recipe)
    lora = LoraConfig(
        r=recipe.model.lora_r,
        lora_alpha=recipe.model.lora_alpha,
        lora_dropout=recipe.model.lora_dropout,
        use_rslora=recipe.model.use_rslora,
        target_modules=adapter.lora_targets,
        task_type="CAUSAL_LM",
        # The commit that was loaded: what is scored, merged and verified later is on the same weights.
        revision=cached_commit(base, revision),
    )
    trainer = Trainer(
        model=model,
        args=recipe.sft,
        data_collator=partial(batch_with_ids, encoder),
        train_dataset=rows,
        processing_class=encoder.processor,
        peft_config=lora,
    )
    trainer.lengths = measure(encoder, rows)
    for problem in too_long(trainer.lengths, token_limit(model.config, recipe.sft.max_length)):
        raise InputError(f"{recipe.name}: {problem}")
    peft_model: Any = trainer.model
    keep_supervised(peft_model.get_base_model())
    for parameter in peft_model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()  # TRL casts them to bf16 on a 4-bit base
    # PEFT makes what is embedded require gradients, for reentrant checkpointing. Here it would only send gradients back
    # through the frozen vision tower.
    peft_model.get_base_model().disable_input_require_grads()
    return trainer, encoder


def read_features(trainer: Trainer, encoder: Encoder, rows: Any, data: Path, limit_gb: float) -> None:
    """Let the trainer read its images' features from a cache; the first process of a machine makes it."""
    if trainer.is_fsdp_enabled:  # the weights are on no GPU yet
        return
    with PartialState().local_main_process_first():
        found = cached(encoder, trainer.model, rows, data, limit_gb)
    trainer.data_collator = partial(batch_with_ids, found)


def set_arguments(recipe: Recipe, out: Path) -> None:
    """Set what is the kit's to set among the trainer's arguments."""
    args: Any = recipe.sft
    args.output_dir = str(out / "checkpoints")
    os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(out / "tensorboard"))  # checkpoints do not outlive the run
    args.per_device_train_batch_size, args.gradient_accumulation_steps = step_shape(recipe)
    args.ddp_find_unused_parameters = False
    # TRL's default is True, whatever the recipe does not say.
    asked = [recipe.values.get(name) for name in ("gradient_checkpointing", "activation_checkpointing")]
    args.gradient_checkpointing = args.activation_checkpointing = any(asked)
    kwargs = dict(args.activation_checkpointing_kwargs or {}) | {"use_reentrant": False}
    args.gradient_checkpointing_kwargs = args.activation_checkpointing_kwargs = kwargs


def load_base(recipe: Recipe) -> Any:
    """Load the recipe's base model for training, in 4 bits where it says so."""
    quantization = quantization_config(recipe)
    more: Any = recipe.sft.model_init_kwargs or {}
    try:
        model: Any = load_model(
            recipe.base,
            recipe.model.model_revision,
            dtype=recipe.model.dtype,
            attn_implementation=recipe.model.attn_implementation or "sdpa",
            quantization_config=quantization,
            device_map={"": recipe.sft.device} if quantization else None,
            **more,
        )
    except (ImportError, TypeError, ValueError) as error:  # what is not installed, or a keyword that is given twice
        raise InputError(f"{recipe.name}: {' '.join(str(error).split())}") from error
    # Some classes say False here, and the Trainer then drops num_items_in_batch: gradient accumulation would average
    # means over unequal numbers of supervised tokens.
    model.accepts_loss_kwargs = True
    return model


def quantization_config(recipe: Recipe) -> BitsAndBytesConfig | None:
    """Return how the language model's layers are quantised; all else stays in 16 bits, as the answers depend on it."""
    dtype = "float16" if recipe.model.dtype == "float16" else "bfloat16"
    config = get_quantization_config(replace(recipe.model, dtype=dtype))
    if config:
        config.llm_int8_skip_modules = [r"(?!model\.language_model\.).*"]
    return config


def batch_with_ids(encoder: Encoder, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Encode a training batch, and keep its samples' ids for messages."""
    return encoder.training_batch(rows) | {"ids": [row["id"] for row in rows]}


def step_shape(recipe: Recipe) -> tuple[int, int]:
    """Return how many samples a process takes at a time, and how many times, for the recipe's global batch.

    The samples at a time are the recipe's, or fewer where a process's share is smaller.

    Raises:
        InputError: the global batch cannot be dealt out equally.
    """
    whole, size = recipe.kit.global_batch_size, recipe.sft.per_device_train_batch_size
    processes = recipe.sft.world_size * max(1, recipe.sft.n_gpu)  # several GPUs: a process for each, not yet started
    if whole % size:
        raise InputError(
            f"{recipe.name}: global_batch_size {whole} is no multiple of per_device_train_batch_size {size}; change one"
        )
    if whole % processes:
        fitting = [str(n) for n in range(1, processes) if whole % n == 0]
        raise InputError(
            f"{recipe.name}: global_batch_size {whole} cannot be dealt out equally to {processes} processes; make "
            f"{' or '.join(fitting)} GPUs visible (GPUS=, or CUDA_VISIBLE_DEVICES), or change global_batch_size"
        )
    share = whole // processes
    size = max(n for n in range(1, size + 1) if share % n == 0)
    return size, share // size
