"""Pre-training: the same from the same seed, however it is drawn and wherever it was interrupted."""

from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pgt_lora.core.errors import InputError
from pgt_lora.core.streams import stream
from pgt_lora.data.turns import IMAGE, Role, Turn
from pgt_lora.evaluation.evaluate import load_encoder
from pgt_lora.models.checkpoint import family_of
from pgt_lora.models.encoding import IGNORE, Encoder
from pgt_lora.models.families import template
from pgt_lora.tiny import pretrain as pretraining
from pgt_lora.tiny.batches import batches
from pgt_lora.tiny.conversation import Talk
from pgt_lora.tiny.lessons import draw_turns
from pgt_lora.tiny.muon import Muon
from pgt_lora.tiny.pretrain import Place, Schedule, pretrain, rate
from tests.support.checkpoints import checkpoint
from tests.support.discovered import small_model, small_processor

STEPS = 4
SCHEDULE = Schedule(steps=STEPS, batch_size=2, pool=2)


def trained(base_dir: Path, place: Place | None = None, schedule: Schedule = SCHEDULE) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    model = small_model("qwen2_5_vl")
    pretrain(model, Encoder(family_of(str(base_dir)), small_processor("qwen2_5_vl")), schedule, place)
    found: dict[str, torch.Tensor] = model.state_dict()
    return found


@pytest.fixture(scope="module")
def uninterrupted(base_dir: Path) -> dict[str, torch.Tensor]:
    return trained(base_dir)


def assert_same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_conversation_is_what_the_template_renders(base_dir: Path) -> None:
    encoder = load_encoder(checkpoint(base_dir))
    turns = draw_turns(stream(3, "test"))[1]
    ids, labels = Talk(encoder).ids(turns)
    said_turns = [
        Turn(role, (text,)) for turn in turns for role, text in zip((Role.USER, Role.ASSISTANT), turn, strict=True)
    ]
    said_turns[0] = Turn(Role.USER, (IMAGE, turns[0][0]))
    messages = template.messages(said_turns)
    whole = encoder.processor.apply_chat_template(messages, tokenize=False)
    said = encoder.processor.tokenizer.decode(ids)
    assert whole.replace("<|image_pad|>", 49 * "<|image_pad|>") == said + "\n"
    answers = encoder.processor.tokenizer.decode([token for token in labels if token != IGNORE])
    assert answers == "".join(f"{answer}<|im_end|>" for _, answer in turns)


def test_the_number_of_workers_changes_nothing(base_dir: Path) -> None:
    encoder = load_encoder(checkpoint(base_dir))

    def first(number: int, workers: int, start: int = 0) -> list[dict[str, torch.Tensor]]:
        drawn = batches(encoder, 3, 2, 0, start, workers)
        return [next(drawn) for _ in range(number)]

    alone, helped, later = first(5, 0), first(5, 2), first(2, 0, 3)
    for one, other in zip([*alone, *alone[3:]], [*helped, *later], strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_second_part_leaves_the_eye_alone(base_dir: Path, uninterrupted: dict[str, torch.Tensor]) -> None:
    before = small_model("qwen2_5_vl").state_dict()
    after = trained(base_dir, schedule=replace(SCHEDULE, is_second=True))
    changed = {name for name in after if not torch.equal(before[name], after[name])}
    assert changed and all(".language_model." in name or "lm_head" in name for name in changed)
    assert not any("visual" in name for name in changed)


def test_pretraining_depends_on_the_seed_alone(base_dir: Path, uninterrupted: dict[str, torch.Tensor]) -> None:
    assert_same(uninterrupted, trained(base_dir))
    other = trained(base_dir, schedule=Schedule(steps=STEPS, batch_size=2, pool=2, seed=1))
    assert not all(torch.equal(uninterrupted[key], other[key]) for key in other)


def test_an_interrupted_run_goes_on_as_if_nothing_had_been(
    base_dir: Path, uninterrupted: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(checkpoint=tmp_path / "there", save_every=1)
    usual, seen = pretraining.losses, []

    def killed(*args: Any) -> Any:
        if len(seen) == 3:
            raise KeyboardInterrupt
        seen.append(1)
        return usual(*args)

    with monkeypatch.context() as patch:
        patch.setattr(pretraining, "losses", killed)
        with pytest.raises(KeyboardInterrupt):
            trained(base_dir, place)
    assert_same(uninterrupted, trained(base_dir, place))
    with pytest.raises(InputError, match="another schedule"):
        trained(base_dir, place, Schedule(steps=STEPS + 1, batch_size=2, pool=2))


@pytest.mark.slow
def test_the_rate_falls_to_nothing_by_the_end_of_the_time(
    base_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = count()  # the clock's, which goes on by one whenever it is looked at
    monkeypatch.setattr(pretraining, "time", SimpleNamespace(monotonic=lambda: float(next(seconds))))
    schedule = Schedule(steps=1000, batch_size=2, pool=2, minutes=0.2)
    assert [rate(done, schedule) for done in (0.5, 0.825, 1.0, 1.2)] == pytest.approx([1, 0.5, 0, 0])
    trained(base_dir, Place(checkpoint=tmp_path), schedule)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state["step"] == 11
    rates = {group["lr"] for each in state["optimizers"] for group in each["param_groups"]}
    assert max(rates) < 0.5 * schedule.learning_rate


@pytest.mark.parametrize("minutes", [None, 0.05])
def test_weights_that_are_no_numbers_are_not_saved(
    minutes: float | None, base_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The auxiliary loss alone breaks, after the first step; the other one is told only every so many steps."""
    seconds, usual, seen = count(), pretraining.losses, []

    def breaks(*args: Any) -> tuple[torch.Tensor, torch.Tensor]:
        loss, grounding = usual(*args)
        seen.append(1)
        return loss, grounding * (1.0 if len(seen) == 1 else float("nan"))

    monkeypatch.setattr(pretraining, "losses", breaks)
    monkeypatch.setattr(pretraining, "time", SimpleNamespace(monotonic=lambda: float(next(seconds))))
    place = Place(checkpoint=tmp_path, save_every=1000 if minutes else 1)
    with pytest.raises(FloatingPointError, match=r"step 2: .* are not finite"):
        trained(base_dir, place, replace(SCHEDULE, minutes=minutes))
    if minutes:
        assert not list(tmp_path.iterdir())
    else:
        assert torch.load(tmp_path / "state.pt", weights_only=True)["step"] == 1


def test_muon_is_that_of_pytorch() -> None:
    torch.manual_seed(0)
    shapes = ((8, 16), (16, 8), (8, 16), (12, 12))
    ours, theirs = ([torch.nn.Parameter(torch.ones(shape)) for shape in shapes] for _ in range(2))
    optimizers = [
        Muon(ours, lr=0.01, weight_decay=0.05),
        torch.optim.Muon(theirs, lr=0.01, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
    ]
    for _ in range(5):
        for mine, other in zip(ours, theirs, strict=True):
            mine.grad = torch.randn_like(mine)
            other.grad = mine.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-3)  # PyTorch's iterates in bfloat16
        assert (mine - 1).abs().max() > 0.01
