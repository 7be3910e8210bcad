"""Dry runs of the recipes, each made once."""

import sys
from functools import cache
from typing import Any

import pytest

from pgt_lora.cli import app as cli
from pgt_lora.core.recipe import RECIPES, load_recipe, recipe_names
from pgt_lora.training.dry_run.check import Findings, check, pgt_rows

REAL = [name for name in recipe_names() if not name.startswith("tiny-")]
TINY = RECIPES / "tiny-qwen2.5-vl.yaml"


@cache
def rows_of(canvas: str, num_samples: int) -> list[dict[str, Any]]:
    return pgt_rows(load_recipe(TINY, ["--canvas", canvas, "--num_samples", str(num_samples)]))


@cache
def offline(name: str) -> Findings:
    """What the check finds on a recipe."""
    return check(name, None, offline=True, overrides=[])


def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Run `pgt-lora check` in this process; return its exit status and what it wrote."""
    monkeypatch.setattr(sys, "argv", ["pgt-lora", "check", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    written = capsys.readouterr()
    return int(ended.value.code or 0), written.out, written.err
