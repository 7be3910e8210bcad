"""What the trainer calls between its steps: progress bar, clock, TensorBoard's log, and the stop on a signal."""

import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.integrations import TensorBoardCallback
from transformers.trainer_callback import ExportableState

from pgt_lora.core.files import read_json
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.terminal import TELL_EVERY_S, console, left, telling


class ProgressBar(TrainerCallback):
    """Shows the steps and the loss; where the output is no terminal, as a line with the speed for every logged loss.

    Where losses are logged more seldom than every half minute, lines between them tell the step and the time left.
    """

    began: float | None = None

    def __init__(self, bar: Progress) -> None:
        self.bar = bar

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Set the number of steps, and where a resumed run begins."""
        self.task = self.bar.add_task("Fine-tuning", total=state.max_steps, completed=state.global_step)
        self.began = self.told = time.monotonic()
        self.first_step, self.step, self.num_steps = state.global_step, state.global_step, state.max_steps

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Move on."""
        self.step = state.global_step
        self.bar.update(self.task, completed=state.global_step)

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Show the loss, where it is logged, and a line for that on the held-out set."""
        if "eval_loss" in kwargs["logs"]:
            console.print(
                f"step {state.global_step}/{state.max_steps}: held-out loss {kwargs['logs']['eval_loss']:.4f}"
            )
        if "loss" not in kwargs["logs"]:  # the summary at the end
            return
        loss = f"loss {kwargs['logs']['loss']:.4f}"
        self.bar.update(self.task, description=f"Fine-tuning, {loss}")
        if not console.is_terminal:
            self.told = time.monotonic()
            console.print(
                f"step {state.global_step}/{state.max_steps}: {loss}, {self.speed(args, state, kwargs['logs'])}"
            )

    def speed(self, args: TrainingArguments, state: TrainerState, logs: dict[str, Any]) -> str:
        """Return in words how fast it goes, over all processes, and how long the other steps will take."""
        spent, steps = time.monotonic() - (self.began or 0), state.global_step - self.first_step
        samples = steps * args.train_batch_size * args.gradient_accumulation_steps * args.world_size
        tokens = f"{logs['num_tokens'] / spent:,.0f} tokens/s, " if "num_tokens" in logs else ""
        remaining = left(spent, steps, state.max_steps - self.first_step)
        return f"{samples / spent:.1f} samples/s, {tokens}{remaining}"

    def line(self) -> str | None:
        """Return the step and the time left where nothing was told for half a minute."""
        now = time.monotonic()
        if self.began is None or now - self.told < TELL_EVERY_S:
            return None
        self.told = now
        remaining = left(now - self.began, self.step - self.first_step, self.num_steps - self.first_step)
        return f"step {self.step}/{self.num_steps}: {remaining}"


@contextmanager
def progress_bar() -> Iterator[ProgressBar]:
    """Give a callback that shows the progress of training while the block lasts."""
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console) as bar:
        progress = ProgressBar(bar)
        with telling(progress.line):
            yield progress


class Clock(TrainerCallback, ExportableState):
    """Counts the seconds of training, with those of a resumed run before it was interrupted, which checkpoints keep."""

    def __init__(self, before: float = 0.0) -> None:
        self.before = before
        self.began = time.monotonic()

    @property
    def seconds(self) -> float:
        """The seconds until now."""
        return self.before + time.monotonic() - self.began

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Begin to count."""
        self.began = time.monotonic()

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"args": {"before": self.seconds}, "attributes": {}}


def seconds_before(checkpoint: Path) -> float:
    """Return the seconds of training that a checkpoint's clock had counted."""
    state = read_json(checkpoint / "trainer_state.json")
    clock = state["stateful_callbacks"].get(Clock.__name__)
    return float(clock["args"]["before"]) if clock else 0.0


class Stop(TrainerCallback):
    """Once asked, saves a checkpoint after the step and stops, on every process after the same step.

    Transformers' own `enable_jit_checkpoint` waits for three seconds, may save between the batches of one step, and
    lets every process stop by itself, where the others would wait for it forever.
    """

    asked = False
    stopped = False
    signal = signal.SIGTERM  # that this process was asked by; another process may have been asked instead

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Stop where any process was asked to."""
        asked = torch.tensor(float(self.asked), device=args.device)
        if args.world_size > 1:
            torch.distributed.all_reduce(asked, torch.distributed.ReduceOp.MAX)
        if asked:
            self.stopped = True
            control.should_save = control.should_training_stop = True

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Within an epoch, prevent what is done at its end: the run that goes on from here does it there."""
        if self.stopped and not float(state.epoch or 0).is_integer():
            control.should_log = control.should_evaluate = control.should_save = False


@contextmanager
def stop_on(*signals: signal.Signals) -> Iterator[Stop]:
    """Give a callback that these signals ask to stop while the block lasts; a second Ctrl-C is Python's own."""
    stop = Stop()

    def ask(number: int, frame: object) -> None:
        stop.asked, stop.signal = True, signal.Signals(number)
        if number == signal.SIGINT:
            signal.signal(number, signal.default_int_handler)
            console.print("Stopping after this step, which is saved; press Ctrl-C again to stop at once")

    before = {number: signal.signal(number, ask) for number in signals}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class SaveAlso(TrainerCallback):
    """Saves every `save_steps` steps where Transformers saves only what was evaluated, to keep the best.

    A number below one is a share of all steps.
    """

    def __init__(self, save_steps: float) -> None:
        self.save_steps = save_steps

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Ask for a checkpoint; not at the end of an epoch that is evaluated: from one, that would be left out."""
        every = self.save_steps if self.save_steps >= 1 else math.ceil(state.max_steps * self.save_steps)
        is_evaluated_next = args.eval_strategy == "epoch" and float(state.epoch or 0).is_integer()
        if state.global_step % every == 0 and not is_evaluated_next:
            control.should_save = True


def tensorboard(recipe: Recipe, out: Path) -> list[TrainerCallback]:
    """Return what logs to TensorBoard where the recipe asks for it: into the run, as checkpoints do not outlive it."""
    if "tensorboard" not in (recipe.sft.report_to or ()):
        return []
    callback = TensorBoardCallback()
    callback.logging_dir = str(out / "tensorboard")
    return [callback]
