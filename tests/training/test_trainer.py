import torch

from pgt_lora.training.trainer import StepsByLength

LENGTHS = [(7 * index) % 23 for index in range(50)]


def epoch(number: int, step_size: int, seed: int = 3) -> list[list[int]]:
    order = StepsByLength(LENGTHS, step_size, seed)
    order.set_epoch(number)
    seen = list(order)
    assert len(seen) == len(order)
    return [seen[start : start + step_size] for start in range(0, len(seen), step_size)]


def test_a_step_has_the_samples_of_a_random_order_longest_first() -> None:
    steps = epoch(1, 8)
    shuffled = torch.randperm(50, generator=torch.Generator().manual_seed(4)).tolist()
    assert [set(step) for step in steps] == [set(shuffled[start : start + 8]) for start in range(0, 48, 8)]
    for step in steps:
        lengths = [LENGTHS[index] for index in step]
        assert lengths == sorted(lengths, reverse=True)


def test_an_epoch_is_the_same_each_time_and_no_other_one() -> None:
    assert epoch(0, 8) == epoch(0, 8)
    assert epoch(0, 8) != epoch(1, 8)
    assert epoch(0, 8) != epoch(0, 8, seed=4)
    left_out = [set(range(50)) - {index for step in epoch(number, 8) for index in step} for number in (0, 1)]
    assert [len(each) for each in left_out] == [2, 2]
    assert left_out[0] != left_out[1]
