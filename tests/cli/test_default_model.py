"""Commands that have a default model take a recipe's fields without naming one."""

from typing import Any

import pytest
from typer.testing import CliRunner

from pgt_lora.cli.app import app
from pgt_lora.cli.options import DEFAULT_MODEL
from pgt_lora.core.recipe import Recipe


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["--max_count", "5", "--skills", "false"], DEFAULT_MODEL),
        (["--max_count=5", "--skills=false"], DEFAULT_MODEL),
        (["tiny-internvl3", "--max_count", "5", "--skills", "false"], "tiny-internvl3"),
    ],
)
@pytest.mark.parametrize(
    ("command", "function"),
    [("run", "pgt_lora.studies.before_after.run.run"), ("bench", "pgt_lora.studies.speed.benchmark.bench")],
)
def test_fields_without_a_model(
    command: str, function: str, words: list[str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Recipe] = []

    def record(recipe: Recipe, *others: Any) -> None:
        seen.append(recipe)

    monkeypatch.setattr(function, record)
    done = CliRunner().invoke(app, [command, *words])
    assert done.exit_code == 0, done.output
    (recipe,) = seen
    assert (recipe.name, recipe.kit.max_count, recipe.kit.skills) == (name, 5, False)
