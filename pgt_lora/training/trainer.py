"""TRL's trainer, with steps of like samples, the loss from what is supervised, and an end where a step goes wrong."""

import math
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import gather_object
from torch.distributed.tensor import DTensor
from torch.utils.data import RandomSampler, Sampler
from trl import SFTTrainer

from pgt_lora.core.errors import InputError
from pgt_lora.models.lengths import Length
from pgt_lora.training.loss import supervised_inputs
from pgt_lora.training.order import StepsByLength
from pgt_lora.training.processes import together
from pgt_lora.training.run_directory import writing

# A loss has exploded when it is this many times that of guessing among all tokens, or that of the first step.
EXPLODED = 2.0


class Trainer(SFTTrainer):
    """Stops where a loss or gradient is no number or explodes, and names the samples; batches hold their `ids`.

    By the `lengths` of all samples, those of a step are put together.
    """

    lengths: Sequence[Length]
    micro_batches: tuple[tuple[Sequence[str], float], ...] = ()
    first_loss: float | None = None

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler | None:
        sampler = super()._get_train_sampler(train_dataset)
        if not isinstance(sampler, RandomSampler):  # the recipe asks for another order
            return sampler
        seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
        return StepsByLength([each.total for each in self.lengths], self.step_size, seed)

    @property
    def step_size(self) -> int:
        """The samples in a step, over all processes."""
        return self.args.per_device_train_batch_size * self.args.world_size * self.args.gradient_accumulation_steps

    @property
    def vocab_size(self) -> int:
        """The number of tokens that the model chooses among."""
        model: Any = self.model
        return model.config.get_text_config().vocab_size

    def compute_loss(self, model: Any, inputs: dict[str, Any], *words: Any, **named: Any) -> Any:
        """Return TRL's loss, from the supervised positions alone."""
        return super().compute_loss(model, supervised_inputs(inputs), *words, **named)

    def training_step(
        self, model: torch.nn.Module, inputs: dict[str, Any], num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        """Train on a batch, and check the step with its last one."""
        ids = inputs.pop("ids")
        loss = super().training_step(model, inputs, num_items_in_batch)
        self.micro_batches += ((ids, loss.item()),)
        if self.accelerator.sync_gradients:
            self.check_step(model)
            self.micro_batches = ()
        return loss

    def check_step(self, model: torch.nn.Module) -> None:
        """Check the loss and the gradient of a step, the same ones on every process, before weights are changed.

        Raises:
            InputError: they are no numbers, or the loss exploded.
        """
        own = torch.tensor(sum(loss for _, loss in self.micro_batches), device=self.args.device)
        loss = float(self.accelerator.reduce(own, "mean"))  # each is scaled by the number of processes
        norm = gradient_norm(model) if self.accelerator.scaler is None else 0.0  # fp16 skips a step that overflows
        self.first_loss = self.first_loss or loss
        if math.isfinite(norm) and loss <= EXPLODED * max(self.first_loss, math.log(self.vocab_size)):
            return
        step = gather_object(list(self.micro_batches))
        wrong = [ids for ids, loss in step if not math.isfinite(loss)] or [ids for ids, _ in step]
        with together():
            raise InputError(
                f"step {self.state.global_step + 1}: the loss is {loss:.4g}, its gradient's norm {norm:.4g}; training "
                f"stops. Lower learning_rate, or look at these samples: {', '.join(chain.from_iterable(wrong))}"
            )

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        with together(), writing(Path(str(self.args.output_dir)).parent):
            super()._save_checkpoint(model, trial)


def gradient_norm(model: torch.nn.Module) -> float:
    """Return the norm of all gradients, over all processes that hold parts of them."""
    norm = torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
    return float(norm.full_tensor() if isinstance(norm, DTensor) else norm)
