"""The command line, run in this process."""

import sys

import pytest

from pgt_lora.cli import app as cli


def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    """Run the command line in this process; return its exit status and what it wrote to stderr."""
    monkeypatch.setattr(sys, "argv", ["pgt-lora", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0), capsys.readouterr().err
