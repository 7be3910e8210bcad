"""What the kit changes in TRL's trainer is still there: a version that renames it fails here."""

import inspect
from importlib import import_module

import pytest
from transformers import Trainer
from trl import SFTTrainer

from pgt_lora.training.hooked_trainer import HookedTrainer


def test_the_trainer_asks_for_its_sampler_and_saves_through_the_methods_that_are_hooked() -> None:
    for method, parameters in (
        ("_get_train_sampler", ["self", "train_dataset"]),
        ("_save_checkpoint", ["self", "model", "trial"]),
        ("_run_epoch", None),  # whatever they are, they are handed on
    ):
        assert parameters is None or list(inspect.signature(getattr(Trainer, method)).parameters) == parameters
        assert f"self.{method}" in inspect.getsource(import_module("transformers.trainer"))
    assert HookedTrainer.__mro__[1] is SFTTrainer
    assert callable(Trainer._prepare_inputs)


def test_hooks_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hooked(HookedTrainer):
        def __init__(self) -> None:
            self.asked: list[object] = []

        def train_sampler(self, default: object) -> None:  # type: ignore[override]
            self.asked.append(default)

    monkeypatch.setattr(SFTTrainer, "_get_train_sampler", lambda self, rows: "theirs")
    monkeypatch.setattr(SFTTrainer, "_run_epoch", lambda self, **words: self.asked.append(words))
    monkeypatch.setattr(SFTTrainer, "_save_checkpoint", lambda self, model, trial: self.asked.append((model, trial)))
    trainer = Hooked()
    assert trainer._get_train_sampler(None) is None
    trainer._save_checkpoint("model", "trial")
    trainer._run_epoch(epoch=1)
    assert trainer.asked == ["theirs", ("model", "trial"), {"epoch": 1}]
