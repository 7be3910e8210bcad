import pytest

from pgt_lora.core.terminal import console
from pgt_lora.tiny import processors
from pgt_lora.training.dry_run import check as check_module
from tests.support.discovered import trained_once
from tests.support.dry_runs import rows_of


@pytest.fixture(autouse=True)
def plain_terminal_and_what_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "width", 80)
    monkeypatch.setattr(processors, "tiny_module", trained_once)
    monkeypatch.setattr(check_module, "pgt_rows", lambda recipe: rows_of(recipe.kit.canvas, recipe.kit.num_samples))
