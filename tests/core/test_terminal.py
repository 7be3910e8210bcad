"""What is said of long work where there is no terminal."""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from threading import Event

import pytest

from pgt_lora.core import terminal
from pgt_lora.core.terminal import console, hide_noise, left, telling, track

WAIT_S = 60  # at most, for what comes at once


def test_long_work_is_told_however_long_one_item_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    told = Event()

    def note(*line: str, **kwargs: bool) -> None:
        lines.extend(line)
        told.set()

    def items() -> Iterator[int]:
        yield from range(3)
        told.clear()
        assert told.wait(WAIT_S)  # while the fourth item is made
        yield 3

    monkeypatch.setattr(terminal, "TELL_EVERY_S", 0.01)
    monkeypatch.setattr(console, "print", note)
    assert list(track(items(), 4, "Counting")) == [0, 1, 2, 3]
    assert any(line.startswith("Counting: 3 of 4, ") and line.endswith("s left") for line in lines)
    for thread in threading.enumerate():
        if thread.name == terminal.TELLER:
            thread.join(WAIT_S)  # it ends with the work
            assert not thread.is_alive()


def test_short_work_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track(range(12), 12, "Counting")) == list(range(12))
    assert " of 12" not in capsys.readouterr().out


def test_nothing_is_told_beside_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(console), "is_terminal", property(lambda self: True))
    monkeypatch.setattr(terminal, "Thread", None)
    with telling(lambda: "a line"):
        pass


def test_downloads_from_the_hub_are_told_without_a_terminal() -> None:
    """By huggingface_hub's own bar, in a process of its own: what tells it so is read when it is imported."""
    code = (
        "from pgt_lora.core.terminal import tell_downloads\n"
        "tell_downloads()\n"
        "from huggingface_hub.utils.tqdm import is_tqdm_disabled, tqdm\n"
        "with tqdm(total=4, disable=is_tqdm_disabled(20), desc='weights') as bar:\n"
        "    bar.update(4)\n"
        "print(bar.mininterval)\n"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TQDM_")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=kept)
    assert "weights: 100%" in done.stderr
    assert done.stdout.split() == [str(float(terminal.TELL_EVERY_S))]


def test_the_time_left_is_told_in_words() -> None:
    assert left(10, 0, 5) == "time left unknown"
    assert left(10, 5, 10) == "10 s left"
    assert left(60, 1, 4) == "3 min 00 s left"


def test_noise_is_hidden_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    hide_noise()
    logger = logging.getLogger("transformers.trainer_utils")
    logger.addHandler(caplog.handler)
    logger.warning("The tokenizer has new PAD/BOS/EOS tokens that differ from the model config")
    logger.warning("mtime may not be reliable")
    logger.warning("a checkpoint is broken")
    assert {record.getMessage() for record in caplog.records} == {"a checkpoint is broken"}
