import sys
from pathlib import Path

import pytest

from pgt_lora.core.typed import typed


def test_a_command_is_spelled_as_it_can_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, outside = tmp_path / "work" / ".venv" / "bin", tmp_path / "other" / "bin"
    for place in (inside, outside):
        place.mkdir(parents=True)
        (place / "pgt-lora").write_text("#!/bin/sh\n")
        (place / "pgt-lora").chmod(0o755)
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "argv", [".venv/bin/pgt-lora", "run"])
    assert typed("run", Path("runs/my model")) == ".venv/bin/pgt-lora run 'runs/my model'"
    monkeypatch.setattr(sys, "argv", [str(outside / "pgt-lora")])
    assert typed("runs") == f"{outside}/pgt-lora runs"
    monkeypatch.setenv("PATH", str(outside))
    assert typed("runs") == "pgt-lora runs"
    monkeypatch.setattr(sys, "argv", ["a_script.py"])
    assert typed("ask", "it's") == "pgt-lora ask 'it'\"'\"'s'"
