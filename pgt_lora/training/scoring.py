"""The model that is trained, lent for scoring: where it is the one that evaluation would load, it is loaded once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from accelerate.utils import parse_flag_from_env

from pgt_lora.core.recipe import Recipe
from pgt_lora.training.layers import cast_lora_inputs
from pgt_lora.training.trainer import Trainer

# Called with the base and None, and with the fine-tuned model and its adapter's directory.
Score = Callable[[Any, Path | None], None]


def loads_otherwise(recipe: Recipe) -> str | None:
    """Return why the model that a recipe trains here is not computed as evaluation's own, in words; None where it is.

    Evaluation loads the recipe's base in its type, unquantized, with the usual attention, on a GPU or the processor.
    """
    sft, model = recipe.sft, recipe.model
    reasons = {
        "the base is trained in 4 bits": model.load_in_4bit,
        "it is trained by several processes": max(sft.n_gpu, sft.world_size) > 1,
        "its weights are spread over processes": parse_flag_from_env("ACCELERATE_USE_FSDP"),
        "its layers are compiled": recipe.kit.compile_layers or sft.torch_compile,
        "it is trained with another attention": model.attn_implementation not in (None, "sdpa"),
        "it is loaded with model_init_kwargs": bool(sft.model_init_kwargs),
        f"it is trained on {sft.device.type}": sft.device.type not in ("cuda", "cpu"),
    }
    return next((reason for reason, is_so in reasons.items() if is_so), None)


def as_loaded(trainer: Trainer) -> Any:
    """Return a trained model as if it had been loaded: without what training put around its forward passes."""
    if trainer.supervised_positions:
        trainer.supervised_positions.remove()
    model: Any = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    cast_lora_inputs(model, True)
    return model.eval()
