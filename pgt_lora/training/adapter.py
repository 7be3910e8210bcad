"""What training leaves: the adapter, with the resolved recipe, the versions and the losses beside it."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import write_json
from pgt_lora.core.machine import hardware
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.versions import made_with
from pgt_lora.training.processes import leave, together
from pgt_lora.training.run_directory import writing
from pgt_lora.training.standalone import complete
from pgt_lora.training.trainer import Trainer

VERSIONS = ("pgt-lora", "torch", "transformers", "trl", "peft", "datasets", "accelerate", "pillow")


def save(trainer: Trainer, recipe: Recipe, facts: dict[str, Any], out: Path) -> None:
    """Write the adapter, with the resolved recipe, the versions and the loss log beside it.

    Raises:
        InputError: the weights are not what training makes, or cannot be written.
    """
    model: Any = trainer.model
    weights = lora_weights(model)
    with together():
        check_trained(weights, out)
    with together(), writing(out):
        if trainer.args.should_save:
            partial = out / "adapter.partial"
            model.save_pretrained(partial, state_dict=weights)
            (partial / "recipe.yaml").write_text(recipe.dump(), encoding="utf-8")
            write_json(partial / "loss.json", losses(trainer.state.log_history))
            run = facts | {
                "steps": trainer.state.global_step,
                "processes": trainer.args.world_size,
                "hardware": hardware(trainer.args.use_cpu),
            }
            run |= made_with(*VERSIONS)
            write_json(partial / "run.json", run)
            complete(partial, model, recipe, run)
            partial.rename(out / "adapter")
            shutil.rmtree(out / "checkpoints", ignore_errors=True)
    leave()


def check_trained(weights: Mapping[str, Any], out: Path) -> None:
    """Check that what was trained is finite and no longer what it was at the start, when every B was zero.

    Raises:
        InputError: it is not; nothing is written then.
    """
    if broken := [name for name, weight in weights.items() if not weight.isfinite().all()]:
        raise InputError(
            f"{out}: {len(broken)} of {len(weights)} trained tensors are not finite (first: {broken[0]}), so there is "
            "no adapter; pass a smaller learning_rate and --overwrite"
        )
    if not any(weight.any() for name, weight in weights.items() if ".lora_B." in name):
        raise InputError(
            f"{out}: training changed nothing, so there is no adapter; look at learning_rate, its schedule, "
            "lora_alpha and num_train_epochs, and pass --overwrite"
        )


def losses(log: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries of a log that hold a loss, the same ones whether or not the run was resumed.

    TRL counts tokens from where a process starts, and a resumed run's entries come in another order of their fields.
    """
    entries = (entry for entry in log if "loss" in entry)
    return [{name: entry[name] for name in sorted(entry) if name != "num_tokens"} for entry in entries]


def lora_weights(model: Any) -> dict[str, Any]:
    """Return what was trained, gathered where it is spread over the processes."""
    from torch.distributed.tensor import DTensor

    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    return {name: p.full_tensor() if isinstance(p, DTensor) else p for name, p in trained.items()}
