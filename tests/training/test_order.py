import torch
from accelerate import skip_first_batches
from accelerate.data_loader import BatchSamplerShard, DataLoaderShard
from torch.utils.data import BatchSampler
from transformers import TrainerControl, TrainerState, TrainingArguments

from pgt_lora.training.order import OrderOfEpoch, StepsByLength

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


def test_two_processes_that_go_on_within_an_epoch_take_its_order() -> None:
    """What accelerate makes of the sampler in the second process, as Transformers skips what was trained on."""
    expected = epoch(1, 8)[2:]
    sampler = StepsByLength(LENGTHS, 8, 3)
    loader = DataLoaderShard(range(50), batch_sampler=BatchSamplerShard(BatchSampler(sampler, 4, True), 2, 1))
    rest = skip_first_batches(loader, 2)
    six_and_two = TrainerState(global_step=8)
    OrderOfEpoch(sampler).on_epoch_begin(TrainingArguments(use_cpu=True), six_and_two, TrainerControl())
    rest.set_epoch(1)
    assert [batch.tolist() for batch in rest] == [step[4:] for step in expected]
