"""`python -m pgt_lora.tiny`: rebuild a small model from nothing."""

from pathlib import Path
from typing import Annotated

import torch
import typer

from pgt_lora.checkpoint import family
from pgt_lora.dataset import new_directory
from pgt_lora.encoding import Encoder
from pgt_lora.progress import console
from pgt_lora.recipe import ROOT
from pgt_lora.tiny import qwen2_5_vl
from pgt_lora.tiny.pretrain import Schedule, pretrain


def rebuild(
    out: Annotated[Path, typer.Option(help="The checkpoint directory to make.")] = ROOT / "data" / "tiny-qwen2.5-vl",
    steps: Annotated[int, typer.Option(help="Training steps.")] = Schedule.steps,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
) -> None:
    """Train the tokenizer, make the model with random weights, and teach it the lessons."""
    # Threads share out sums differently: with one, the weights depend on the seed and the processor alone.
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with new_directory(out, overwrite) as directory:
        processor = qwen2_5_vl.build_processor()
        model = qwen2_5_vl.build_model(processor)
        model.save_pretrained(directory)
        processor.save_pretrained(directory)
        encoder = Encoder(family(str(directory)), processor)
        pretrain(model, encoder, Schedule(steps=steps))
        model.save_pretrained(directory)
    console.print(f"{model.num_parameters():,} weights in {out}")


if __name__ == "__main__":
    typer.run(rebuild)
