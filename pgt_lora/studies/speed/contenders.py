"""Who takes part, and one timed run of this kit or of TRL: `python -m pgt_lora.studies.speed.contenders NAME …`."""

import gc
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from pgt_lora.core.batches import step_shape
from pgt_lora.core.machine import keep_freed_memory
from pgt_lora.core.recipe import Recipe, load_recipe
from pgt_lora.data.parquet import parquet_files
from pgt_lora.models.checkpoint import family_of
from pgt_lora.studies.speed.measure import measure
from pgt_lora.training.finetune import finetune

KIT, TRL, LLAMA_FACTORY = "pgt_lora", "trl", "llama factory"


def kit(recipe: Recipe, data: Path, out: Path) -> None:
    """Train as `pgt-lora finetune` does."""
    finetune(recipe, data, out)


def stock(recipe: Recipe, data: Path, out: Path) -> None:
    """Train with TRL alone: its trainer, its collator and its defaults, with the recipe's hyper-parameters."""
    trainer = stock_trainer(recipe, data, out)
    trainer.train()
    trainer.save_model(str(out / "adapter"))


def stock_trainer(recipe: Recipe, data: Path, out: Path) -> Any:
    """Return the unmodified SFTTrainer on a dataset directory."""
    from datasets import load_dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    sft, shape = recipe.sft, step_shape(recipe, 1)
    same = (
        "learning_rate", "lr_scheduler_type", "warmup_steps", "num_train_epochs", "max_steps", "max_grad_norm",
        "weight_decay", "seed", "bf16", "fp16", "use_cpu", "logging_steps",
    )  # fmt: skip
    args = SFTConfig(
        output_dir=str(out), per_device_train_batch_size=shape.batch_size,
        gradient_accumulation_steps=shape.accumulation, report_to="none",
        max_length=None, model_init_kwargs={"dtype": recipe.model.dtype}, save_strategy="no", disable_tqdm=True,
        **{name: getattr(sft, name) for name in same},
    )  # fmt: skip
    lora = LoraConfig(
        r=recipe.model.lora_r, lora_alpha=recipe.model.lora_alpha, lora_dropout=recipe.model.lora_dropout,
        target_modules=family_of(recipe.base, recipe.model.model_revision).lora_targets, task_type="CAUSAL_LM",
    )  # fmt: skip
    files = [str(path) for path in parquet_files(data)]
    rows = load_dataset("parquet", data_files=files, split="train", cache_dir=str(out / "datasets"))
    return SFTTrainer(model=recipe.base, args=args, train_dataset=rows, peft_config=lora)


HERE: dict[str, Callable[[Recipe, Path, Path], None]] = {KIT: kit, TRL: stock}


if __name__ == "__main__":
    name, recipe_path, data_path, out_path = sys.argv[1:]
    recipe = load_recipe(Path(recipe_path))
    if name == KIT:
        keep_freed_memory()  # as its command line does
        gc.freeze()  # likewise: what was imported is not looked through again
    use_gpu = torch.cuda.is_available() and not recipe.sft.use_cpu
    result = measure(lambda data, out: HERE[name](recipe, data, out), Path(data_path), use_gpu)
    Path(out_path).write_text(json.dumps(asdict(result)), encoding="utf-8")
