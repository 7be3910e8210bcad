"""One timed training run of a benchmark, in a process of its own: `python -m pgt_lora.bench_run CONTENDER …`.

What is measured is measured in the same way for every contender: batches are counted, and waiting for them timed, where
the Trainer of Transformers, on which all of them stand, takes them from its data loader.
"""

import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate.data_loader import DataLoaderShard
from transformers import Trainer

from pgt_lora.checkpoint import family
from pgt_lora.dataset import PARQUET
from pgt_lora.recipe import Recipe, load_recipe
from pgt_lora.train import finetune
from pgt_lora.trainer import step_shape


@dataclass
class Measured:
    """What a run did and took; seconds are from before the model is loaded to after the adapter is saved."""

    seconds: float = 0.0
    training: float = 0.0  # seconds, of the Trainer's own loop
    waiting: float = 0.0  # seconds, of them, for batches
    images: int = 0
    tokens: int = 0  # without padding
    padded: int = 0  # with it
    supervised: int = 0
    peak_bytes: int = 0
    loss: float = 0.0


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

    sft, (size, times) = recipe.sft, step_shape(recipe)
    same = (
        "learning_rate", "lr_scheduler_type", "warmup_steps", "num_train_epochs", "max_steps", "max_grad_norm",
        "weight_decay", "seed", "bf16", "fp16", "use_cpu", "logging_steps",
    )  # fmt: skip
    args = SFTConfig(
        output_dir=str(out), per_device_train_batch_size=size, gradient_accumulation_steps=times, report_to="none",
        max_length=None, model_init_kwargs={"dtype": recipe.model.dtype}, save_strategy="no", disable_tqdm=True,
        **{name: getattr(sft, name) for name in same},
    )  # fmt: skip
    lora = LoraConfig(
        r=recipe.model.lora_r, lora_alpha=recipe.model.lora_alpha, lora_dropout=recipe.model.lora_dropout,
        target_modules=family(recipe.base, recipe.model.model_revision).lora_targets, task_type="CAUSAL_LM",
    )  # fmt: skip
    rows = load_dataset("parquet", data_files=str(data / PARQUET), split="train", cache_dir=str(out / "datasets"))
    return SFTTrainer(model=recipe.base, args=args, train_dataset=rows, peft_config=lora)


CONTENDERS: dict[str, Callable[[Recipe, Path, Path], None]] = {"pgt_lora": kit, "trl": stock}


def instrument(found: Measured) -> None:
    """Count and time what the Trainer takes from its data loader, and time its loop."""
    iterate, train = DataLoaderShard.__iter__, Trainer.train

    def counted(self: Any) -> Iterator[Any]:
        batches = iterate(self)
        while True:
            began = time.perf_counter()
            try:
                batch = next(batches)
            except StopIteration:
                return
            found.waiting += time.perf_counter() - began
            found.images += len(batch["input_ids"])
            found.padded += batch["input_ids"].numel()
            found.tokens += int(batch["attention_mask"].sum())
            found.supervised += int((batch["labels"] >= 0).sum())
            yield batch

    def timed(self: Any, *words: Any, **named: Any) -> Any:
        began = time.perf_counter()
        output = train(self, *words, **named)
        found.training = time.perf_counter() - began
        found.loss = output.training_loss
        return output

    DataLoaderShard.__iter__, Trainer.train = counted, timed  # type: ignore[method-assign]


def measure(contender: str, recipe: Recipe, data: Path) -> Measured:
    """Run one contender into a temporary directory, with no cache of earlier runs."""
    found = Measured()
    instrument(found)
    with tempfile.TemporaryDirectory() as directory:
        # A copy has no cache of features beside it: making it is part of what is timed.
        copy = shutil.copytree(data, Path(directory) / "data")
        began = time.perf_counter()
        CONTENDERS[contender](recipe, copy, Path(directory) / "run")
        found.seconds = time.perf_counter() - began
    if torch.cuda.is_available() and not recipe.sft.use_cpu:
        found.peak_bytes = torch.cuda.max_memory_allocated()
    else:
        found.peak_bytes = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found


if __name__ == "__main__":
    name, recipe_path, data_path, out_path = sys.argv[1:]
    result = measure(name, load_recipe(Path(recipe_path)), Path(data_path))
    Path(out_path).write_text(json.dumps(asdict(result)), encoding="utf-8")
