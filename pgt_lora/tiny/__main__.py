"""`python -m pgt_lora.tiny NAME`: rebuild a small model from nothing."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import torch
import typer

from pgt_lora.core.errors import choices
from pgt_lora.core.failures import exit_with_one_line
from pgt_lora.core.machine import keep_freed_memory
from pgt_lora.core.new_directory import new_directory
from pgt_lora.core.terminal import console, hide_noise, print_anything
from pgt_lora.core.workspace import SHIPPED
from pgt_lora.models.checkpoint import family_of, load_model, load_processor
from pgt_lora.models.encoding import Encoder
from pgt_lora.tiny import internvl3, llava_next, qwen2_5_vl
from pgt_lora.tiny.pretrain import Place, Schedule, pretrain

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# The architecture and the training steps of each shipped model.
MODELS = {
    "tiny-qwen2.5-vl": (qwen2_5_vl, 4200),
    "tiny-internvl3": (internvl3, 4200),
    "tiny-llava-next": (llava_next, 4200),
}

# Offsets among the lessons, for the language model alone; always these steps, whatever is asked of the first part.
SECOND_PART = Schedule(900, learning_rate=1.5e-3, decay=0.5, weight_decay=0.02, grounding=0.3, is_second=True)


def rebuild(
    name: Annotated[str, typer.Argument(help="One of the small models that ship with the project.")],
    out: Annotated[Path | None, typer.Option(help="The checkpoint directory. Default: data/NAME.")] = None,
    start: Annotated[
        Path | None, typer.Option(help="A small model after the first part: teach the second alone.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Steps of the first part. Default: as the shipped model's.")] = 0,
    batch_size: Annotated[int, typer.Option(min=1, help="Conversations a step of the first part.")] = 32,
    minutes: Annotated[float | None, typer.Option(min=0.1, help="End the first part by then, the rate fallen.")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    workers: Annotated[int, typer.Option(min=0, help="Processes that draw; the weights do not depend on it.")] = 0,
    checkpoint: Annotated[Path | None, typer.Option(help="Where an interrupted run goes on from.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
) -> None:
    """Train the tokenizer, make the model with random weights, and teach it the lessons of both parts."""
    if name not in MODELS:
        raise typer.BadParameter(f"{name}: no small model; known: {choices(MODELS)}")
    module, shipped_steps = MODELS[name]
    out = out or SHIPPED / "data" / name
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # Threads share out sums differently: with one, the weights depend on the seed and the processor alone.
    torch.set_num_threads(1)
    keep_freed_memory()
    torch.manual_seed(0)
    with new_directory(out, overwrite) as directory:
        processor = load_processor(str(start)) if start else module.build_processor()
        model = module.build_model(processor)
        if start:
            model.load_state_dict(load_model(str(start), dtype=torch.float32).state_dict())
        model.save_pretrained(directory)
        processor.save_pretrained(directory)
        encoder = Encoder(family_of(str(directory)), processor)
        parts = [SECOND_PART]
        if not start:
            parts.insert(0, Schedule(steps or shipped_steps, batch_size, minutes))
        done = []
        for part in parts:
            saved = checkpoint and checkpoint / ("second" if part.is_second else "first")
            done.append(pretrain(model, encoder, part, Place(device, workers, saved)))
        model.save_pretrained(directory)
        (directory / "README.md").write_text(card(name, model), encoding="utf-8")
    console.print(
        f"{model.num_parameters():,} weights in {out}, after {' and '.join(map(str, done))} steps", soft_wrap=True
    )


def card(name: str, model: "PreTrainedModel") -> str:
    """Return a small model's card, as the text of its README.md."""
    from huggingface_hub import ModelCard, ModelCardData

    data = ModelCardData(license="apache-2.0", library_name="transformers", pipeline_tag="image-text-to-text")
    text = (
        f"# {name}\n\n{model.num_parameters():,} weights ({type(model).__name__}), trained from nothing on "
        "synthetic images of 112 × 112 pixels, so that fine-tuning can be tried without a GPU. It reads no "
        f"photographs.\n\nMade by `make tiny MODEL={name}`; `docs/tiny-models.md` says what it was taught.\n"
    )
    return str(ModelCard(f"---\n{data.to_yaml()}\n---\n\n{text}"))


if __name__ == "__main__":
    print_anything()
    hide_noise()
    with exit_with_one_line():
        typer.run(rebuild)
