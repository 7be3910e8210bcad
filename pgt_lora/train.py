"""Fine-tuning: TRL's SFTTrainer with PEFT LoRA, from a recipe and a dataset directory to an adapter directory."""

import json
import shutil
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgt_lora.checkpoint import family, load_model, load_processor
from pgt_lora.dataset import open_dataset, read_manifest, write_json
from pgt_lora.encoding import Encoder, decode
from pgt_lora.errors import InputError
from pgt_lora.placement import check_placement
from pgt_lora.progress import console, track
from pgt_lora.recipe import Recipe
from pgt_lora.registry import lookup

if TYPE_CHECKING:
    from trl import SFTTrainer

STARTED = "started.json"
VERSIONS = ("pgt-lora", "torch", "transformers", "trl", "peft", "datasets", "accelerate", "pillow")


def finetune(recipe: Recipe, data: Path, out: Path, overwrite: bool = False) -> Path:
    """Fine-tune as the recipe says and return the adapter directory, `out/adapter`.

    An interrupted run in `out` is resumed where the recipe and the data are the same.

    Raises:
        InputError: the run is finished or another one's, or the recipe, the data or the model cannot be used.
    """
    rows = open_dataset(data)
    check_images(rows, data)
    key = claim(out, recipe, data, overwrite)
    if (out / "adapter").exists():
        raise InputError(f"{out}: holds a finished run; choose another --out or pass --overwrite")
    trainer, encoder = build_trainer(recipe, rows, out)
    audited = audit(trainer.model, encoder, rows)
    resume = newest_checkpoint(out / "checkpoints")
    if resume:
        console.print(f"Resuming from {resume}")
    started = time.monotonic()
    trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    if trainer.args.should_save:
        save(trainer, recipe, key | audited, out, time.monotonic() - started)
    return out / "adapter"


def build_trainer(recipe: Recipe, rows: Any, out: Path) -> tuple["SFTTrainer", Encoder]:
    """Load the recipe's model and build TRL's trainer on it; return it with the encoder that is its collator."""
    from peft import LoraConfig
    from transformers import set_seed
    from trl import SFTTrainer

    base, revision = recipe.base, recipe.model.model_revision
    adapter = family(base, revision)
    if adapter != lookup("pgt_lora.adapters", "ADAPTER", recipe.kit.model_family, f"{recipe.name}: model_family"):
        raise InputError(f"{recipe.name}: model_family {recipe.kit.model_family}, but {base} is {adapter.name}")
    encoder = Encoder(adapter, load_processor(base, revision))
    model: Any = load_model(
        base, revision, dtype=recipe.model.dtype, attn_implementation=recipe.model.attn_implementation or "sdpa"
    )
    # Some classes say False here, and the Trainer then drops num_items_in_batch: gradient accumulation would average
    # means over unequal numbers of supervised tokens.
    model.accepts_loss_kwargs = True
    args = recipe.sft
    args.output_dir = str(out / "checkpoints")
    args.gradient_accumulation_steps = accumulation_steps(recipe)
    args.ddp_find_unused_parameters = False
    set_seed(args.seed)
    lora = LoraConfig(
        r=recipe.model.lora_r,
        lora_alpha=recipe.model.lora_alpha,
        lora_dropout=recipe.model.lora_dropout,
        target_modules=adapter.lora_targets,
        task_type="CAUSAL_LM",
    )
    trainer = SFTTrainer(
        model=model,
        args=args,
        data_collator=encoder.training_batch,
        train_dataset=rows,
        processing_class=encoder.processor,
        peft_config=lora,
    )
    peft_model: Any = trainer.model
    for parameter in peft_model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()  # TRL casts them to bf16 on a 4-bit base
    return trainer, encoder


def audit(model: Any, encoder: Encoder, rows: Any) -> dict[str, Any]:
    """Print and check where LoRA sits and how many tokens are supervised; return both for the record.

    Raises:
        InputError: LoRA sits elsewhere, or a row has no supervised token.
    """
    placement = check_placement(model, encoder.adapter)
    console.print(str(placement))
    supervised = []
    for row in rows.select_columns(["id", "prompt", "completion"]):
        if not row["completion"][0]["content"].strip():
            raise InputError(f"row {row['id']}: its answer is empty, so nothing of it would be supervised")
        supervised.append(len(encoder.answer_ids(row)))
    console.print(
        f"{sum(supervised):,} supervised tokens in {len(rows):,} samples ({min(supervised)} to {max(supervised)} each)"
    )
    return {"placement": asdict(placement), "supervised_tokens": sum(supervised)}


def accumulation_steps(recipe: Recipe) -> int:
    """Return how many batches of each process make the recipe's global batch.

    Raises:
        InputError: they do not divide it.
    """
    per_step = recipe.sft.per_device_train_batch_size * recipe.sft.world_size
    if recipe.kit.global_batch_size % per_step:
        raise InputError(
            f"{recipe.name}: global_batch_size {recipe.kit.global_batch_size} is no multiple of "
            f"per_device_train_batch_size {recipe.sft.per_device_train_batch_size} × {recipe.sft.world_size} processes"
        )
    return recipe.kit.global_batch_size // per_step


def check_images(rows: Any, data: Path) -> None:
    """Decode every image once, so that a broken one stops the run before it starts and not in its middle."""
    for row in track(rows.select_columns(["id", "images"]), len(rows), "Checking images"):
        for image in row["images"]:
            try:
                decode(image, row)
            except InputError as error:
                raise InputError(f"{data}: {error}") from error


def newest_checkpoint(directory: Path) -> Path | None:
    """Return the newest complete checkpoint of an interrupted run; say so where a half-written one is skipped."""
    found = [p for p in directory.glob("checkpoint-*") if p.name.removeprefix("checkpoint-").isdigit()]
    for path in sorted(found, key=lambda p: int(p.name.removeprefix("checkpoint-")), reverse=True):
        try:
            json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            console.print(f"{path} is half-written; skipping it")
            continue
        if not (path / "checkpoint-is-incomplete.txt").exists():
            return path
    return None


def save(trainer: "SFTTrainer", recipe: Recipe, key: dict[str, Any], out: Path, seconds: float) -> None:
    """Write the adapter, with the resolved recipe, the versions and the loss log beside it."""
    partial = out / "adapter.partial"
    peft_model: Any = trainer.model
    peft_model.save_pretrained(partial)
    (partial / "recipe.yaml").write_text(recipe.dump(), encoding="utf-8")
    write_json(partial / "loss.json", [entry for entry in trainer.state.log_history if "loss" in entry])
    run = key | {
        "seconds": round(seconds, 1),
        "steps": trainer.state.global_step,
        "processes": trainer.args.world_size,
        "device": str(trainer.args.device),
        "versions": {name: version(name) for name in VERSIONS},
    }
    write_json(partial / "run.json", run)
    partial.rename(out / "adapter")
    shutil.rmtree(out / "checkpoints", ignore_errors=True)


def claim(out: Path, recipe: Recipe, data: Path, overwrite: bool = False) -> dict[str, Any]:
    """Take `out` for a run: a new directory, the same run begun before, or any run where it may be overwritten.

    Returns:
        What makes the run this run: the recipe's values and the hash of the data.

    Raises:
        InputError: `out` belongs to another run, or to something else.
    """
    key = {"recipe": dict(recipe.values), "content_hash": read_manifest(data)["content_hash"]}
    path = out / STARTED
    if out.exists() and any(out.iterdir()):
        if not path.exists():
            raise InputError(f"{out}: not empty and not a run directory; choose another --out")
        if overwrite:
            shutil.rmtree(out)
        elif json.loads(path.read_text(encoding="utf-8")) != key:
            raise InputError(
                f"{out}: a run with another recipe or other data; choose another --out or pass --overwrite"
            )
    out.mkdir(parents=True, exist_ok=True)
    write_json(path, key)
    return key
