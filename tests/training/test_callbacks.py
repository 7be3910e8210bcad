"""What training says of itself where there is no terminal."""

from types import SimpleNamespace
from typing import Any

import pytest
from rich.progress import Progress

from pgt_lora.core.terminal import TELL_EVERY_S, console
from pgt_lora.training import callbacks
from pgt_lora.training.callbacks import ProgressBar


def test_a_line_has_the_loss_the_speed_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(callbacks, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    args: Any = SimpleNamespace(train_batch_size=4, gradient_accumulation_steps=2, world_size=8)
    state: Any = SimpleNamespace(global_step=10, max_steps=40)  # resumed
    bar = ProgressBar(Progress(console=console, disable=True))
    control: Any = None
    assert bar.line() is None  # training has not begun
    bar.on_train_begin(args, state, control)
    clock[0] += TELL_EVERY_S - 1
    state.global_step = 20
    bar.on_step_end(args, state, control)
    assert bar.line() is None
    clock[0] += 1
    assert bar.line() == "step 20/40: 1 min 00 s left"
    assert bar.line() is None  # just told
    with console.capture() as captured:
        bar.on_log(args, state, control, logs={"loss": 1.25, "num_tokens": 6000.0})
    assert captured.get() == "step 20/40: loss 1.2500, 21.3 samples/s, 200 tokens/s, 1 min 00 s left\n"
    clock[0] += TELL_EVERY_S - 1
    assert bar.line() is None
