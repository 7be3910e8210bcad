"""What is said of long work where there is no terminal."""

import itertools

import pytest

from pgt_lora.core import terminal
from pgt_lora.core.terminal import console, left, track


def test_long_work_is_told_every_half_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(100.0, 8.0)  # eight seconds an item
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(clock))
    with console.capture() as captured:
        assert list(track(range(12), 12, "Counting")) == list(range(12))
    lines = [line for line in captured.get().splitlines() if " of 12" in line]
    assert lines == [
        "Counting: 3 of 12, 1 min 36 s left",
        "Counting: 7 of 12, 46 s left",
        "Counting: 11 of 12, 9 s left",
    ]


def test_short_work_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(100.0, 0.5)
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(clock))
    with console.capture() as captured:
        assert list(track(range(12), 12, "Counting")) == list(range(12))
    assert " of 12" not in captured.get()


def test_the_time_left_is_told_in_words() -> None:
    assert left(10, 0, 5) == "time left unknown"
    assert left(10, 5, 10) == "10 s left"
    assert left(60, 1, 4) == "3 min 00 s left"
