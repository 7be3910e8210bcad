"""What a run shows while it trains: held-out images, questions and the answers of the moment, in TensorBoard."""

from pathlib import Path
from typing import Any

import numpy as np
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from pgt_lora.core.html import markdown
from pgt_lora.core.recipe import Recipe
from pgt_lora.data.directory import open_dataset
from pgt_lora.data.images import decode
from pgt_lora.data.preview import first_of_each
from pgt_lora.data.turns import question
from pgt_lora.evaluation.generation import Generation, answer
from pgt_lora.training.measured import open_encoder

NUM_SHOWN = 8


class SampleAnswers(TrainerCallback):
    """Writes the answers to a few held-out questions after every evaluation; their images once."""

    def __init__(self, recipe: Recipe, data: Path, directory: Path) -> None:
        self.recipe, self.directory = recipe, directory
        rows = open_dataset(data)
        self.rows = rows.select(first_of_each(list(rows["task"]), NUM_SHOWN))
        self.encoder = open_encoder(recipe)
        self.writer: Any = None

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Answer and write; the model is left as it was."""
        from torch.utils.tensorboard import SummaryWriter

        model = kwargs["model"]
        was_training = model.training
        outputs = list(answer(model, self.encoder, self.rows, Generation(NUM_SHOWN, self.recipe.kit.max_new_tokens)))
        model.train(was_training)
        first = self.writer is None
        self.writer = self.writer or SummaryWriter(str(self.directory))
        for index, (row, output) in enumerate(zip(self.rows, outputs, strict=True)):
            name = f"held out {index}, {row['task']}"
            if first:
                for at, image in enumerate(row["images"]):
                    self.writer.add_image(f"{name}/{at}", np.asarray(decode(image, name)), dataformats="HWC")
            told = (
                f"{markdown(question(row))}\n\n**{markdown(output) or '(nothing)'}** (right: {markdown(row['answer'])})"
            )
            self.writer.add_text(name, told, state.global_step)
        self.writer.flush()

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Close the file."""
        if self.writer:
            self.writer.close()


def live_view(recipe: Recipe, held_out: Path, out: Path) -> list[TrainerCallback]:
    """Return what shows samples where the recipe logs to TensorBoard and looks at a held-out set while training."""
    if "tensorboard" not in (recipe.sft.report_to or ()):
        return []
    return [] if recipe.sft.eval_strategy == "no" else [SampleAnswers(recipe, held_out, out / "tensorboard")]
