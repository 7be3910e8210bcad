"""A function over many items by several threads: in their order, its errors told, the threads given back."""

import threading
from collections.abc import Iterator

import pytest
import torch

from pgt_lora.models.threads import MOST, in_threads

CPU = torch.device("cpu")


@pytest.fixture
def cores() -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(6)
    yield 6
    torch.set_num_threads(before)


def test_results_come_in_order_from_several_threads_with_a_share_of_the_cores(cores: int) -> None:
    met, seen = threading.Barrier(MOST, timeout=30), []

    def work(number: int) -> int:
        met.wait()  # passes only where so many are at work at a time
        seen.append(torch.get_num_threads())
        return number * number

    assert list(in_threads(work, range(3 * MOST), CPU)) == [number * number for number in range(3 * MOST)]
    assert set(seen) == {cores // MOST}
    assert torch.get_num_threads() == cores


def test_items_are_drawn_here_and_not_far_ahead(cores: int) -> None:
    drawn: list[int] = []

    def items() -> Iterator[int]:
        for number in range(50):
            assert threading.current_thread() is threading.main_thread()
            drawn.append(number)
            yield number

    results = in_threads(lambda number: number, items(), CPU)
    assert next(results) == 0 and len(drawn) == MOST + 1
    results.close()
    assert torch.get_num_threads() == cores


def test_an_error_ends_it(cores: int) -> None:
    def work(number: int) -> int:
        if number == 5:
            raise ValueError("the sixth")
        return number

    results = in_threads(work, range(50), CPU)
    with pytest.raises(ValueError, match="the sixth"):
        list(results)
    assert torch.get_num_threads() == cores


def test_another_device_does_one_at_a_time(cores: int) -> None:
    assert set(in_threads(lambda _: threading.current_thread(), range(3), torch.device("meta"))) == {
        threading.main_thread()
    }
