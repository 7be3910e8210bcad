"""Dry runs of the recipes, each made once."""

import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pgt_lora.cli import app as cli
from pgt_lora.core.recipe import RECIPES, load_recipe, recipe_names
from pgt_lora.models.names import resolve
from pgt_lora.training.dry_run.check import Findings, check, pgt_rows

# One for each published checkpoint; those for absolute position are of the same ones.
REAL = [name for name in recipe_names() if not name.startswith("tiny-") and not name.endswith("-position")]
TINY = RECIPES / "tiny-qwen2.5-vl.yaml"


@cache
def rows_of(canvas: str, num_samples: int) -> list[dict[str, Any]]:
    return pgt_rows(load_recipe(TINY, ["--canvas", canvas, "--num_samples", str(num_samples)]))


def dry_run(name: str, data: Path | None = None, offline: bool = False, overrides: Sequence[str] = ()) -> Findings:
    """What the check finds for a name, as the command line asks it."""
    return check(resolve(name, overrides, to_train=False).recipe, data, offline)


@cache
def offline(name: str) -> Findings:
    """What the check finds on a recipe."""
    return dry_run(name, offline=True)


def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Run `pgt-lora check` in this process; return its exit status and what it wrote."""
    monkeypatch.setattr(sys, "argv", ["pgt-lora", "check", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    written = capsys.readouterr()
    return int(ended.value.code or 0), written.out, written.err
