"""The loss on a held-out set while training: which set, what it was, and the step after which it was lowest."""

from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import Recipe
from pgt_lora.data.directory import read_manifest
from pgt_lora.training.trainer import Trainer


def held_out_set(recipe: Recipe, eval_data: Path | None) -> Path | None:
    """Return the held-out set that training looks at, None where the recipe does not ask for one.

    Raises:
        InputError: the recipe asks for one, and there is none.
    """
    if recipe.sft.eval_strategy == "no":
        return None
    if eval_data is None:
        raise InputError(
            f"{recipe.name}: eval_strategy {recipe.values['eval_strategy']} needs a held-out set; pass --eval-data"
        )
    return eval_data


def best_step(trainer: Trainer) -> int | None:
    """Return the step after which the held-out loss was lowest, None where there was no loss."""
    checkpoint = trainer.state.best_model_checkpoint
    return int(checkpoint.rpartition("-")[2]) if checkpoint else None


def held_out_losses(trainer: Trainer, data: Path) -> dict[str, Any]:
    """Return what a run's record says of the held-out set: which it is, its losses, and the step of the best."""
    losses = [
        {name: entry[name] for name in ("step", "epoch", "eval_loss")}
        for entry in trainer.state.log_history
        if "eval_loss" in entry
    ]
    best = {"best_step": best_step(trainer)} if trainer.args.load_best_model_at_end else {}
    return {"path": str(data), "content_hash": read_manifest(data)["content_hash"], "losses": losses} | best
