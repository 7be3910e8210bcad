"""What a recipe may say: fields that are the kit's own, values that fit, and numbers that train something."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from pgt_lora.core.errors import InputError

AUTO = "auto"  # in the place of a number: chosen by the memory of the GPU

# Set by the kit, so a recipe that sets them too would be ignored in part.
OURS = {
    "output_dir": "pass --out",
    "gradient_accumulation_steps": "it follows from global_batch_size, per_device_train_batch_size and the processes",
    "resume_from_checkpoint": "an interrupted run resumes by itself when it is started again",
    "remove_unused_columns": "the collator needs every column",
    "load_best_model_at_end": "early_stopping_patience ends with the best checkpoint",
    "metric_for_best_model": "the loss on the held-out set decides",
    "greater_is_better": "the loss on the held-out set decides",
}
OURS_BY_PREFIX = {
    "hub_": "`pgt-lora push` sends a model once it is verified; the token is that of `hf auth login`",
    "push_to_hub": "`pgt-lora push` sends a model once it is verified",
    "fsdp": "a launch file says so: LAUNCH=fsdp2",
    "deepspeed": "the launch files are for DDP and FSDP2",
}

# What would change nothing here, or more than can be merged and verified: the one value that fits, and why.
FIXED: dict[str, tuple[Any, str]] = {
    "use_peft": (True, "LoRA is what is trained"),
    "use_dora": (False, "a merged model is verified as W + (α/r)·BA"),
    "lora_modules_to_save": (None, "LoRA's weights alone are trained, merged and verified"),
    "lora_target_parameters": (None, "LoRA sits on modules; lora_target_modules says which"),
    "lora_task_type": ("CAUSAL_LM", "the models are causal language models"),
    "load_in_8bit": (False, "weights are in 16 bits or, with load_in_4bit, in 4"),
    "packing": (False, "TRL packs no images"),
    "padding_free": (False, "TRL packs no images"),
    "pad_to_multiple_of": ("auto", "batches are padded to their longest sample"),
    "assistant_only_loss": (False, "the answers are what is supervised"),
    "shuffle_dataset": (False, "every epoch has an order of its own"),
    "chat_template_path": (None, "a model keeps its own template"),
    "eos_token": (None, "a model keeps its own tokens"),
    "pad_token": (None, "a model keeps its own tokens"),
    "trust_remote_code": (False, "models are of Transformers' own classes"),
    "save_only_model": (False, "an interrupted run resumes with its optimizer"),
    "eval_on_start": (False, "score with `pgt-lora evaluate`, before and after training"),
    "label_smoothing_factor": (0.0, "TRL's chunked loss has none"),
    "loss_type": ("nll", "the supervised tokens' likelihood is what is learned"),
    "completion_only_loss": (True, "the answers are what is supervised"),
    "truncation_mode": ("keep_start", "nothing is cut off"),
    "auto_find_batch_size": (False, "the global batch would change"),
    "use_liger_kernel": (False, "it replaces the loss that the kit checks"),
    "ddp_find_unused_parameters": (False, "every step uses all of LoRA's weights"),
    "ignore_data_skip": (False, "a resumed run goes on with the samples that it has not seen"),
}

# Values of TRL's that mean nothing here, or end in its error: what is allowed, and why.
ALLOWED: dict[str, tuple[tuple[str, ...], str]] = {
    "train_sampling_strategy": (("random", "sequential"), "the samples of a step are put together by length already"),
    "save_strategy": (("steps", "epoch", "no"), "early_stopping_patience keeps the best checkpoint"),
}
STRATEGIES = ("eval_strategy", "save_strategy", "logging_strategy")

# The least values that mean something; a pair whose second part is true allows the least value itself.
LEAST: dict[str, tuple[float, bool]] = {
    "num_train_epochs": (0, False), "learning_rate": (0, False), "weight_decay": (0, True), "max_grad_norm": (0, True),
    "warmup_steps": (0, True), "lora_r": (1, True), "lora_alpha": (0, False), "lora_dropout": (0, True),
    "per_device_train_batch_size": (1, True), "per_device_eval_batch_size": (1, True), "global_batch_size": (1, True),
    "logging_steps": (0, False), "save_steps": (0, False), "save_total_limit": (1, True), "max_length": (1, True),
    "dataloader_num_workers": (0, True), "num_samples": (1, True), "num_test_samples": (1, True),
    "max_count": (1, True), "max_new_tokens": (1, True), "feature_cache_gb": (0, True), "seed": (0, True),
    "replay": (0, True), "eval_steps": (0, False), "early_stopping_patience": (0, True),
}  # fmt: skip
BELOW = {
    "lora_dropout": 1.0,
    "replay": 1.0,
    "learning_rate": 1e6,
    "feature_cache_gb": 1e9,
    "weight_decay": 1e9,
    "max_grad_norm": 1e9,
}


def check_schedule(where: str, sft: Any) -> None:
    """Check that the schedule of the learning rate can be made, as it will be when training starts.

    Raises:
        InputError: it lacks what its kind needs, such as `min_lr`; `where` begins the message.
    """
    import torch
    from transformers import get_scheduler

    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    try:
        get_scheduler(sft.lr_scheduler_type, optimizer, 1, 10, scheduler_specific_kwargs=sft.lr_scheduler_kwargs)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{where}: lr_scheduler_type {sft.lr_scheduler_type.value}: {' '.join(str(error).split())}; what it needs "
            "goes into lr_scheduler_kwargs"
        ) from error


def as_strategies(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe's values with `no` for a strategy that is false: YAML 1.1 reads a plain `no` so."""
    return {key: "no" if key in STRATEGIES and value is False else value for key, value in values.items()}


def check_named(where: str, values: Mapping[str, Any]) -> None:
    """Check that a recipe sets no field that would be ignored, or do what a verified run cannot.

    Raises:
        InputError: it does; `where` begins the message.
    """
    for key, value in values.items():
        why = OURS.get(key) or next((why for prefix, why in OURS_BY_PREFIX.items() if key.startswith(prefix)), None)
        if why and value not in (None, False):
            raise InputError(f"{where}: {key} cannot be set: {why}")
        if key in FIXED and value != FIXED[key][0] and value is not None:
            fits, why = FIXED[key]
            raise InputError(f"{where}: {key} must be {json.dumps(fits)} or left out: {why}")
        if key in ALLOWED and value is not None and value not in ALLOWED[key][0]:
            allowed, why = ALLOWED[key]
            raise InputError(f"{where}: {key} {value}: give {', '.join(allowed[:-1])} or {allowed[-1]}; {why}")
        if key in LEAST and isinstance(value, bool):
            raise InputError(f"{where}: {key} is {json.dumps(value)}; give a number")
    for key in ("gradient_checkpointing_kwargs", "activation_checkpointing_kwargs"):
        given = values.get(key)
        if isinstance(given, Mapping) and given.get("use_reentrant"):
            raise InputError(
                f"{where}: {key}: use_reentrant must be false or left out: the embeddings have no gradient"
            )
    if "trust_remote_code" in json.dumps(values.get("model_init_kwargs"), default=str):
        raise InputError(
            f"{where}: model_init_kwargs: trust_remote_code cannot be set: {FIXED['trust_remote_code'][1]}"
        )


def attention_of(where: str, sft: Any, model: Any) -> Any:
    """Return a recipe's attention, taken out of `model_init_kwargs` where it stands there: one name for each part.

    Raises:
        InputError: it is given twice; `where` begins the message.
    """
    kwargs = dict(sft.model_init_kwargs or {})
    if "attn_implementation" not in kwargs:
        return model.attn_implementation
    if model.attn_implementation:
        raise InputError(f"{where}: attn_implementation is given twice, once in model_init_kwargs; leave one out")
    attention = kwargs.pop("attn_implementation")
    sft.model_init_kwargs = kwargs or None
    return attention


def check_ranges(where: str, configs: Iterable[object]) -> None:
    """Check that numbers are such as train something.

    Raises:
        InputError: one is not; `where` begins the message.
    """
    for config in configs:
        for key, (least, included) in LEAST.items():
            value = getattr(config, key, None)
            if value is None or (key == "num_train_epochs" and getattr(config, "max_steps", 0) > 0):
                continue
            if not (value >= least if included else value > least) or not value < BELOW.get(key, math.inf):
                bound = f"{least:g} or more" if included else f"more than {least:g}"
                below = f", below {BELOW[key]:g}" if key in BELOW else ""
                raise InputError(f"{where}: {key} is {value:g}; give {bound}{below}")


def check_evaluation(where: str, eval_strategy: str, save_strategy: str, patience: int) -> None:
    """Check that a run that is to stop early looks at a held-out set while it trains, and saves what it saw.

    Raises:
        InputError: it does not; `where` begins the message.
    """
    if patience and eval_strategy == "no":
        raise InputError(f"{where}: early_stopping_patience needs eval_strategy: epoch, or steps with eval_steps")
    if patience and save_strategy not in ("steps", eval_strategy):
        raise InputError(
            f"{where}: save_strategy must be steps or left out with early_stopping_patience: every evaluation leaves a "
            "checkpoint, as it may be the best"
        )


def check_streaming(where: str, streaming: bool, max_steps: int, batch_size: Any) -> None:
    """Check that a run on a stream, which has no end, says its own, and needs no row before it begins.

    Raises:
        InputError: it does not; `where` begins the message.
    """
    if streaming and batch_size == AUTO:
        raise InputError(
            f"{where}: per_device_train_batch_size auto reads every row first, which streaming is to spare; give a "
            "number"
        )
    if streaming and max_steps <= 0:
        raise InputError(f"{where}: streaming needs max_steps, since a stream repeats its rows without end")


def check_reports(where: str, names: Iterable[str]) -> None:
    """Check that what a recipe logs to is installed.

    Raises:
        InputError: it is not; `where` begins the message.
    """
    from transformers.integrations import get_available_reporting_integrations

    known = get_available_reporting_integrations()
    for name in names:
        if name not in known:
            raise InputError(f"{where}: report_to {name}: not installed here; installed: {', '.join(known) or 'none'}")
