"""What training stands on: arguments, base model, LoRA and trainer, made from a recipe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelerate import PartialState
from accelerate.utils import parse_flag_from_env
from peft import LoraConfig
from transformers import BitsAndBytesConfig, EarlyStoppingCallback, TrainerCallback, set_seed
from trl import get_quantization_config

from pgt_lora.core.batches import StepShape, step_shape
from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import Recipe
from pgt_lora.data.stream import Stream
from pgt_lora.models.checkpoint import cached_commit, load_model
from pgt_lora.models.encoding import Encoder
from pgt_lora.models.families.family import Family
from pgt_lora.models.lengths import token_limit, too_long
from pgt_lora.models.placement import target_modules
from pgt_lora.training.callbacks import SaveAlso, tensorboard
from pgt_lora.training.measured import Measured, with_features
from pgt_lora.training.streaming import streamed_batch, training_rows
from pgt_lora.training.trainer import Trainer

if TYPE_CHECKING:
    from trl import SFTConfig


@dataclass(frozen=True)
class Prepared:
    """A base model, what it is trained on, and a held-out set on which the loss is computed meanwhile, if any."""

    model: Any
    training: Measured
    modules: Sequence[str]  # where LoRA goes, by the last parts of their names
    held_out: Measured | None = None


def prepare(recipe: Recipe, training: Measured, held_out: Measured | None = None) -> Prepared:
    """Load a recipe's base model for rows that were measured.

    Where those lie in a dataset directory, the features of their images come from a cache; the first process makes it.

    Raises:
        InputError: the model needs a package that is not installed, or has fewer positions than a sample has tokens.
    """
    model = load_base(recipe, training.encoder.family)
    lengths = [*training.lengths, *(held_out.lengths if held_out else ())]
    for problem in too_long(lengths, token_limit(model.config, recipe.sft.max_length)):
        raise InputError(f"{recipe.name}: {problem}")
    if training.path and not parse_flag_from_env("ACCELERATE_USE_FSDP"):  # FSDP: weights are on no GPU yet
        if not recipe.model.load_in_4bit:  # which is there already
            model.to(recipe.sft.device)
        error = None
        with PartialState().main_process_first():
            try:
                if not isinstance(training.rows, Stream):  # which is for what no cache holds
                    training = with_features(recipe, model, training)
                held_out = held_out and with_features(recipe, model, held_out)
            except InputError as caught:  # to be raised behind the barrier that the others wait at
                error = caught
        if error:
            raise error
    modules = target_modules(model, recipe.model.lora_target_modules, recipe.name)
    return Prepared(model, training, modules, held_out)


def build_trainer(
    recipe: Recipe,
    out: Path,
    prepared: Prepared,
    callbacks: Sequence[TrainerCallback] = (),
    resume: Path | None = None,
) -> Trainer:
    """Put LoRA on a prepared model and return TRL's trainer of it; a stream goes on behind the checkpoint `resume`."""
    set_seed(recipe.sft.seed)
    args, training = training_arguments(recipe, out), prepared.training
    rows: Any = training.rows
    collate: Any = partial(batch_with_ids, training.encoder)
    if isinstance(rows, Stream):
        collate = partial(streamed_batch, training.encoder, rows, token_limit(prepared.model.config, args.max_length))
        rows, args = training_rows(rows, args, resume), replace(args, ignore_data_skip=True)
    lora = LoraConfig(
        r=recipe.model.lora_r,
        lora_alpha=recipe.model.lora_alpha,
        lora_dropout=recipe.model.lora_dropout,
        use_rslora=recipe.model.use_rslora,
        target_modules=training.encoder.family.targets(prepared.modules),
        task_type="CAUSAL_LM",
        # The commit that was loaded: what is scored, merged and verified later is on the same weights.
        revision=cached_commit(recipe.base, recipe.model.model_revision),
    )
    held_out, patience = prepared.held_out, recipe.kit.early_stopping_patience
    early: list[TrainerCallback] = [EarlyStoppingCallback(patience)] if patience else []
    if patience and recipe.sft.save_strategy == "steps":
        early.append(SaveAlso(recipe.sft.save_steps))
    return Trainer(
        lengths=training.lengths,
        eval_collator=partial(batch_with_ids, held_out.encoder) if held_out else None,
        eval_dataset=held_out.rows if held_out else None,
        kit=recipe.kit,
        model=prepared.model,
        args=args,
        data_collator=collate,
        train_dataset=rows,
        processing_class=training.encoder.processor,
        peft_config=lora,
        callbacks=[*callbacks, *early, *tensorboard(recipe, out)],
    )


def shape_here(recipe: Recipe) -> StepShape:
    """Return how a step is dealt out on this machine; several GPUs get a process each, which may not be started yet."""
    return step_shape(recipe, recipe.sft.world_size * max(1, recipe.sft.n_gpu))


def training_arguments(recipe: Recipe, out: Path) -> "SFTConfig":
    """Return the trainer's arguments: the recipe's, and what is the kit's to say."""
    shape = shape_here(recipe)
    given: Any = recipe.sft.activation_checkpointing_kwargs or {}
    kwargs = given | {"use_reentrant": False}
    early: dict[str, Any] = {}
    if recipe.kit.early_stopping_patience:  # every evaluation leaves a checkpoint, as it may be the best
        early = {
            "load_best_model_at_end": True, "metric_for_best_model": "eval_loss", "greater_is_better": False,
            "save_strategy": recipe.sft.eval_strategy, "save_steps": recipe.sft.eval_steps or recipe.sft.save_steps,
            "restore_callback_states_from_checkpoint": True,
            # With room for one, Transformers deletes the newest where the best is another, and nothing goes on from it.
            "save_total_limit": recipe.sft.save_total_limit and max(2, recipe.sft.save_total_limit),
        }  # fmt: skip
    return replace(
        recipe.sft,
        **early,
        output_dir=str(out / "checkpoints"),
        per_device_train_batch_size=shape.batch_size,
        gradient_accumulation_steps=shape.accumulation,
        ddp_find_unused_parameters=False,
        gradient_checkpointing=recipe.checkpointing,
        activation_checkpointing=recipe.checkpointing,
        gradient_checkpointing_kwargs=kwargs,
        activation_checkpointing_kwargs=kwargs,
        report_to=[name for name in recipe.sft.report_to or () if name != "tensorboard"] or "none",
    )


def load_base(recipe: Recipe, family: Family) -> Any:
    """Load the recipe's base model for training, in 4 bits where it says so."""
    quantization = quantization_config(recipe, family)
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


def quantization_config(recipe: Recipe, family: Family) -> BitsAndBytesConfig | None:
    """Return how the language model's layers are quantized; all else stays in 16 bits, as the answers depend on it."""
    dtype = "float16" if recipe.model.dtype == "float16" else "bfloat16"
    config = get_quantization_config(replace(recipe.model, dtype=dtype))
    if config:
        config.llm_int8_skip_modules = [family.not_quantized]
    return config


def batch_with_ids(encoder: Encoder, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Encode a training batch, and keep its samples' ids for messages."""
    return encoder.training_batch(rows) | {"ids": [row["id"] for row in rows]}
