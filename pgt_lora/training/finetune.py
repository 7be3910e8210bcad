"""Fine-tuning: TRL's SFTTrainer with PEFT LoRA, from a recipe and a dataset directory to an adapter directory."""

import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from accelerate.utils import broadcast_object_list
from transformers import TrainerCallback

from pgt_lora.core.batches import StepShape
from pgt_lora.core.errors import InputError
from pgt_lora.core.failures import exit_with_one_line
from pgt_lora.core.files import write_json
from pgt_lora.core.machine import free_gpu, hardware, keep_freed_memory
from pgt_lora.core.recipe import Recipe, load_recipe
from pgt_lora.core.terminal import console, hide_noise, print_anything
from pgt_lora.core.versions import made_with
from pgt_lora.data.directory import read_manifest
from pgt_lora.models.encoding import Encoder
from pgt_lora.models.placement import check_placement
from pgt_lora.models.weight_files import adapter_file, as_other_files
from pgt_lora.training.build import build_trainer, prepare, shape_here
from pgt_lora.training.callbacks import Stop, progress_bar, stop_on_sigterm
from pgt_lora.training.held_out_loss import best_step, held_out_losses, held_out_set
from pgt_lora.training.processes import launch, leave, quieten_others, together
from pgt_lora.training.run_directory import claim, newest_checkpoint, writing
from pgt_lora.training.streaming import open_rows
from pgt_lora.training.trainer import Trainer

VERSIONS = ("pgt-lora", "torch", "transformers", "trl", "peft", "datasets", "accelerate", "pillow")


def finetune(
    recipe: Recipe, data: Path, out: Path, overwrite: bool = False, eval_data: Path | None = None,
    callbacks: Sequence[TrainerCallback] = (),
) -> Path:  # fmt: skip
    """Fine-tune as the recipe says and return the adapter directory, `out/adapter`.

    `eval_data` is the held-out set whose loss is computed while training, where the recipe asks for that. `callbacks`
    are called between the steps, where one process trains. Where several GPUs are visible, a process is started for
    each. An interrupted run in `out` is resumed where the recipe and the data are the same.

    Raises:
        InputError: the run is finished or another one's, or the recipe, the data or the model cannot be used.
        SystemExit: the run was stopped by SIGTERM, with a checkpoint.
    """
    if recipe.sft.n_gpu > 1:  # several GPUs and one process, which TRL refuses
        check_step(recipe, data)
        launch(recipe, data, out, overwrite, recipe.sft.n_gpu, eval_data)
        return out / "adapter"
    quieten_others()
    with together():
        eval_data = held_out_set(recipe, eval_data)
        shape = check_step(recipe, data)
        rows = open_rows(recipe, data)
    console.print(
        f"A step: {shape.num_processes} processes × {shape.batch_size} samples × {shape.accumulation} = "
        f"{shape.num_samples}"
    )
    if not recipe.kit.streaming and (left := len(rows) % shape.num_samples):
        console.print(f"{left} of {len(rows):,} samples, others in every epoch, make no whole step")
    key: dict[str, Any] = {}
    resume: list[Path | None] = [None]
    with together():
        if recipe.sft.should_save:
            key = claim(out, recipe, data, eval_data, overwrite)
            if (out / "adapter").exists():
                raise InputError(f"{out}: holds a finished run; choose another --out or pass --overwrite")
            resume = [newest_checkpoint(out / "checkpoints")]
    broadcast_object_list(resume)
    free_gpu()  # of the base that this process may have scored
    with together():
        prepared = prepare(recipe, rows, data, eval_data)
    with progress_bar() as bar, stop_on_sigterm() as stop:
        with together():
            trainer = build_trainer(recipe, rows, out, prepared, (bar, stop, *callbacks), resume[0])
            audited = audit(trainer, prepared.encoder)
        started = time.monotonic()
        train(trainer, stop, resume[0])
    facts = key | audited | {"data": read_manifest(data)}
    if eval_data:
        facts |= {"held_out": held_out_losses(trainer, eval_data)}
    save(trainer, recipe, facts, out, time.monotonic() - started)
    return out / "adapter"


def train(trainer: Trainer, stop: Stop, resume: Path | None) -> None:
    """Train, from a checkpoint where there is one.

    Raises:
        SystemExit: a SIGTERM came; training was saved after the step and stopped.
    """
    if resume:
        console.print(f"Resuming from {resume}", soft_wrap=True)
    trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    state = trainer.state
    if stop.stopped and state.global_step < state.max_steps:
        console.print(
            f"Stopped by SIGTERM after step {state.global_step} of {state.max_steps}, and saved it in "
            f"{trainer.args.output_dir}; the same command resumes from there",
            soft_wrap=True,
        )
        leave()
        raise SystemExit(128 + signal.SIGTERM)
    if trainer.args.load_best_model_at_end:
        console.print(f"The held-out loss was lowest after step {best_step(trainer)}: {state.best_metric:.4f}")


def audit(trainer: Trainer, encoder: Encoder) -> dict[str, Any]:
    """Print and check where LoRA sits, and print how many tokens are supervised; return both for the record.

    Raises:
        InputError: LoRA sits elsewhere.
    """
    model: Any = trainer.model
    placement = check_placement(model, encoder.family)
    console.print(str(placement))
    supervised = [each.supervised for each in trainer.lengths]
    if not supervised:
        console.print("Rows are read as they are needed, in their order; how long they are is seen then")
        return {"placement": asdict(placement)}
    console.print(
        f"{sum(supervised):,} supervised tokens in {len(supervised):,} samples "
        f"({min(supervised)} to {max(supervised)} each)"
    )
    return {"placement": asdict(placement), "supervised_tokens": sum(supervised)}


def check_step(recipe: Recipe, data: Path) -> StepShape:
    """Return how a step is dealt out on this machine.

    Raises:
        InputError: it cannot be, or there are no samples for one.
    """
    shape, num_samples = shape_here(recipe), read_manifest(data)["num_samples"]
    if num_samples < shape.num_samples:
        raise InputError(
            f"{data}: {num_samples} samples, fewer than global_batch_size {shape.num_samples}; pass a smaller one"
        )
    return shape


def save(trainer: Trainer, recipe: Recipe, facts: dict[str, Any], out: Path, seconds: float) -> None:
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
            as_other_files(adapter_file(partial))
            (partial / "recipe.yaml").write_text(recipe.dump(), encoding="utf-8")
            write_json(partial / "loss.json", losses(trainer.state.log_history))
            run = facts | {
                "seconds": round(seconds, 1),
                "steps": trainer.state.global_step,
                "processes": trainer.args.world_size,
                "hardware": hardware(),
            }
            write_json(partial / "run.json", run | made_with(*VERSIONS))
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


if __name__ == "__main__":  # one of several processes: RECIPE.yaml DATA OUT [overwrite] [EVAL_DATA]
    print_anything()
    hide_noise()
    keep_freed_memory()
    words = sys.argv[4:]
    with exit_with_one_line():
        evaluated = next((Path(word) for word in words if word != "overwrite"), None)
        finetune(load_recipe(Path(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3]), "overwrite" in words, evaluated)
