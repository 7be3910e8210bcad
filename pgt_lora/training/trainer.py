"""TRL's trainer, with steps of like samples, the loss from what is supervised, and an end where a step goes wrong."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import gather_object
from torch.distributed.tensor import DTensor
from torch.utils.data import RandomSampler, Sampler, SequentialSampler
from transformers import EarlyStoppingCallback, PrinterCallback, ProgressCallback

from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import KitConfig
from pgt_lora.core.terminal import console
from pgt_lora.models.encoding import IGNORE
from pgt_lora.models.lengths import Length
from pgt_lora.training.hooked_trainer import HookedTrainer
from pgt_lora.training.layers import cast_lora_inputs, compile_layers
from pgt_lora.training.loss import SupervisedPositions, supervised_inputs
from pgt_lora.training.order import OrderOfEpoch, StepsByLength
from pgt_lora.training.processes import together
from pgt_lora.training.run_directory import writing
from pgt_lora.training.sharding import prepare_sharding

# A loss has exploded when it is this many times that of guessing among all tokens, or that of the first step.
EXPLODED = 2.0


class Trainer(HookedTrainer):
    """Stops where a loss or gradient is no number or explodes, and names the samples; batches hold their `ids`.

    By the `lengths` of all samples, those of a step are put together. As `kit`, the recipe's own fields, says, hidden
    states and scores are computed where the loss needs them, unless the model does not fit that, which is said.
    """

    def __init__(
        self, *args: Any, lengths: Sequence[Length], kit: KitConfig, eval_collator: Any = None, **kwargs: Any
    ) -> None:
        self.lengths, self.eval_collator = lengths, eval_collator
        self.micro_batches: tuple[tuple[Sequence[str], torch.Tensor], ...] = ()
        self.first_loss: float | None = None
        self.held_out: list[tuple[float, int]] = []  # the loss of each held-out batch, and its supervised tokens
        super().__init__(*args, **kwargs)
        for theirs in (PrinterCallback, ProgressCallback):
            self.remove_callback(theirs)
        peft_model: Any = self.model
        for parameter in peft_model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()  # TRL casts them to bf16 on a 4-bit base
        base = peft_model.get_base_model()
        # PEFT makes what is embedded require gradients, for reentrant checkpointing. Here it would only send gradients
        # back through the frozen vision tower.
        base.disable_input_require_grads()
        self.supervised_positions = fitted(base) if kit.score_supervised_only else None
        if not kit.cast_lora_inputs and (self.args.bf16 or self.args.fp16):
            cast_lora_inputs(base, False)
        if kit.compile_layers:
            compile_layers(base)
        if plugin := getattr(self.accelerator.state, "fsdp_plugin", None):
            prepare_sharding(plugin, base)

    def train_sampler(self, default: Sampler | None) -> Sampler | None:
        """Return steps of samples of like length, in an order of their own in every epoch, or the data's own order."""
        if isinstance(default, SequentialSampler):
            return SequentialSampler(range(len(self.lengths) // self.step_size * self.step_size))  # whole steps
        if not isinstance(default, RandomSampler):  # the recipe asks for another order
            return default
        seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
        sampler = StepsByLength([each.total for each in self.lengths], self.step_size, seed)
        self.add_callback(OrderOfEpoch(sampler))
        return sampler

    def is_over(self) -> bool:
        """Tell whether all steps are done, or the patience is at its end, as a checkpoint may hold it."""
        early = (each for each in self.callback_handler.callbacks if isinstance(each, EarlyStoppingCallback))
        waited = any(each.early_stopping_patience_counter >= each.early_stopping_patience for each in early)
        return waited or self.state.global_step >= self.state.max_steps

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log a step; that of a stream counts in epochs as if the stream had not been interrupted."""
        if not self.lengths:  # Transformers counts the steps of this process alone
            self.state.epoch = self.state.global_step / self.state.max_steps
        super().log(logs, start_time)

    @property
    def step_size(self) -> int:
        """The samples in a step, over all processes."""
        return self.args.per_device_train_batch_size * self.args.world_size * self.args.gradient_accumulation_steps

    @property
    def vocab_size(self) -> int:
        """The number of tokens that the model chooses among."""
        model: Any = self.model
        return model.config.get_text_config().vocab_size

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Return TRL's loss, from the supervised positions alone where the model fits that."""
        inputs = supervised_inputs(inputs) if self.supervised_positions else inputs
        return super().compute_loss(model, inputs, *args, **kwargs)

    def get_eval_dataloader(self, eval_dataset: Any = None) -> Any:
        """Return batches of the held-out set, made by its own encoder: rows of two datasets may share ids."""
        training, self.data_collator = self.data_collator, self.eval_collator
        try:
            return super().get_eval_dataloader(eval_dataset)
        finally:
            self.data_collator = training

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the loss on the held-out set: the mean over its supervised tokens, however they are batched."""
        self.held_out = []
        output: Any = super().evaluation_loop(*args, **kwargs)
        batches = gather_object(self.held_out)
        total = sum(loss * num_tokens for loss, num_tokens in batches)
        output.metrics["eval_loss"] = total / max(1, sum(num_tokens for _, num_tokens in batches))
        return output

    def prediction_step(self, model: torch.nn.Module, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Compute the loss of a held-out batch."""
        ids, state = inputs.pop("ids"), self.accelerator.gradient_state
        own = len(ids)
        if state.end_of_dataloader and state.remainder > 0:  # several processes fill the last round up with rows again
            own = min(max(0, state.remainder - self.args.process_index * self.args.per_device_eval_batch_size), own)
            if own:
                inputs["labels"][own:] = IGNORE
        num_tokens = int((inputs["labels"][:, 1:] != IGNORE).sum()) if own else 0
        result = super().prediction_step(model, inputs, *args, **kwargs)
        self.held_out.append((float(result[0]), num_tokens))
        return result

    def training_step(
        self, model: torch.nn.Module, inputs: dict[str, Any], num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        """Train on a batch, and check the step with its last one."""
        ids = inputs.pop("ids")
        loss = super().training_step(model, inputs, num_items_in_batch)
        self.micro_batches += ((ids, loss),)  # its value is read once a step: reading waits for the GPU
        if self.accelerator.sync_gradients:
            self.check_step(model)
            self.micro_batches = ()
        return loss

    def check_step(self, model: torch.nn.Module) -> None:
        """Check the loss and the gradient of a step, the same ones on every process, before weights are changed.

        Raises:
            InputError: they are no numbers, or the loss exploded.
        """
        own = torch.stack([loss for _, loss in self.micro_batches]).sum()
        loss = float(self.accelerator.reduce(own, "mean"))  # each is scaled by the number of processes
        norm = gradient_norm(model) if self.accelerator.scaler is None else 0.0  # fp16 skips a step that overflows
        self.first_loss = self.first_loss or loss
        if (
            math.isfinite(norm)
            and math.isfinite(loss)
            and loss <= EXPLODED * max(self.first_loss, math.log(self.vocab_size))
        ):
            return
        step = gather_object([(ids, loss.item()) for ids, loss in self.micro_batches])
        wrong = [ids for ids, loss in step if not math.isfinite(loss)] or [ids for ids, _ in step]
        with together():
            raise InputError(
                f"step {self.state.global_step + 1}: the loss is {loss:.4g}, its gradient's norm {norm:.4g}; training "
                f"stops. Lower learning_rate, or look at these samples: {', '.join(chain.from_iterable(wrong))}"
            )

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Turn a full disk into one line, on every process."""
        with together(), writing(Path(str(self.args.output_dir)).parent):
            yield


def fitted(model: Any) -> SupervisedPositions | None:
    """Return the forward for supervised positions alone, installed; None, and a line, where it does not fit."""
    positions = SupervisedPositions(model)
    positions.install()
    if reason := positions.misfit():
        positions.remove()
        console.print(
            f"Every position is scored, as score_supervised_only does not fit {type(model).__name__}: {reason}",
            soft_wrap=True,
        )
        return None
    return positions


def gradient_norm(model: torch.nn.Module) -> float:
    """Return the norm of all gradients, over all processes that hold parts of them."""
    norm = torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
    return float(norm.full_tensor() if isinstance(norm, DTensor) else norm)
