import pytest
import torch

from pgt_lora.core.machine import hardware


def test_the_hardware_is_what_was_computed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    processor = hardware(use_cpu=True)
    assert hardware(use_cpu=False) == processor or torch.cuda.is_available()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H200")
    assert hardware(use_cpu=False) == "2 × NVIDIA H200"
    assert hardware(use_cpu=True) == processor
