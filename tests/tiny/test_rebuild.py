"""Rebuilding a small model: both parts of its pre-training by one command, and the second alone from a checkpoint."""

import runpy
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pgt_lora.core.workspace import SHIPPED
from pgt_lora.models.checkpoint import load_model
from pgt_lora.tiny import __main__ as rebuilding


@pytest.mark.slow
def test_both_parts_are_taught_by_one_command_and_the_second_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "SECOND_PART", replace(rebuilding.SECOND_PART, steps=2, batch_size=2, pool=1))

    def rebuilt(name: str, **asked: object) -> dict[str, torch.Tensor]:
        words = {"start": None, "steps": 2, "batch_size": 2, "minutes": None, "device": "cpu", "workers": 0}
        rebuilding.rebuild(
            "tiny-qwen2.5-vl", out=tmp_path / name, checkpoint=tmp_path / f"{name}.state", overwrite=False,
            **words | asked,  # type: ignore[arg-type]
        )  # fmt: skip
        found: dict[str, torch.Tensor] = load_model(str(tmp_path / name), dtype=torch.float32).state_dict()
        return found

    both = rebuilt("both")
    assert sorted(path.name for path in (tmp_path / "both.state").iterdir()) == ["first", "second"]
    first = torch.load(tmp_path / "both.state/first/state.pt", weights_only=True)["model"]
    assert [name for name in first if not torch.equal(first[name], both[name])]
    assert all(torch.equal(first[name], both[name]) for name in first if "visual" in name)
    shipped = SHIPPED / "data/tiny-qwen2.5-vl"
    again = rebuilt("again", start=shipped)
    before = load_model(str(shipped), dtype=torch.float32).state_dict()
    assert [name for name in before if not torch.equal(again[name], before[name])]
    assert (tmp_path / "again/tokenizer.json").read_text() == (
        shipped / "tokenizer.json"
    ).read_text()  # not one made anew


def test_what_is_there_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").write_text("mine")
    monkeypatch.setattr(sys, "argv", ["tiny", "tiny-qwen2.5-vl", "--out", str(tmp_path)])
    monkeypatch.delitem(sys.modules, rebuilding.__name__)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("pgt_lora.tiny", run_name="__main__")
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"pgt-lora: {tmp_path}")
