"""LLaMA-Factory, run by its own environment's Python: `python -m pgt_lora.studies.speed.llama_factory loss|time …`.

It reads what `export-recipe` and `export-dataset` write for it. Of the kit, that environment needs nothing installed.
"""

import json
import sys
from dataclasses import asdict
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import yaml

from pgt_lora.studies.speed.measure import measure


def stand_in_for_torchaudio() -> None:
    """Let LLaMA-Factory be imported beside a torch without CUDA, where torchaudio cannot be; there is no sound here."""
    if torch.version.cuda is None:
        sys.modules["torchaudio"] = ModuleType("torchaudio")
        sys.modules["torchaudio"].__spec__ = ModuleSpec("torchaudio", None)


def batch_loss(values: dict[str, Any], batch: Path) -> float:
    """Return the loss of LLaMA-Factory's model, LoRA on it and untrained, on a batch that the kit encoded."""
    from llamafactory.hparams import get_train_args
    from llamafactory.model import load_model, load_tokenizer

    model_args, _, training_args, finetuning_args, _ = get_train_args(values)
    model = load_model(load_tokenizer(model_args)["tokenizer"], model_args, finetuning_args, is_trainable=True)
    inputs = {name: tensor.to(training_args.device) for name, tensor in torch.load(batch, weights_only=True).items()}
    model.to(training_args.device)
    with torch.no_grad():
        return float(model(**inputs).loss)


def train(values: dict[str, Any], data: Path, out: Path) -> None:
    """Train as LLaMA-Factory's command line does."""
    from llamafactory.train.tuner import run_exp

    run_exp(values | {"dataset_dir": str(data), "media_dir": str(data), "output_dir": str(out)})


if __name__ == "__main__":
    what, recipe, read, written = sys.argv[1], *map(Path, sys.argv[2:])
    stand_in_for_torchaudio()
    settings = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    if what == "loss":
        found: Any = batch_loss(settings, read)
    else:
        use_gpu = torch.cuda.is_available() and not settings["use_cpu"]
        found = asdict(measure(lambda data, out: train(settings, data, out), read, use_gpu))
    written.write_text(json.dumps(found), encoding="utf-8")
