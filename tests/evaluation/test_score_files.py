"""Where the data that were scored are found again."""

import shutil
from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.evaluation.evaluate import evaluate, load_for_evaluation
from pgt_lora.evaluation.generation import Generation
from pgt_lora.evaluation.score_files import scored_data
from tests.support.checkpoints import checkpoint


def test_what_was_scored_is_found_from_another_directory(
    base_dir: Path, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the absolute place, whatever was typed, or among the datasets of the kit's directory; and told if neither."""
    mine, home, scores = tmp_path / "mine", tmp_path / "home", tmp_path / "scores"
    shutil.copytree(data_dir, mine)
    for each in (tmp_path / "here", home / "data"):
        each.mkdir(parents=True)
    monkeypatch.setenv("PGT_LORA_HOME", str(home))
    monkeypatch.chdir(tmp_path / "here")
    model, encoder = load_for_evaluation(checkpoint(base_dir))
    evaluate(model, encoder, Path("../mine"), scores, name="base", generation=Generation(1, 8))
    monkeypatch.chdir(home)
    assert scored_data(scores) == mine
    shutil.move(mine, home / "data" / "mine")
    assert scored_data(scores) == home / "data" / "mine"
    shutil.rmtree(home / "data" / "mine")
    with pytest.raises(InputError, match=f"^{mine}: missing, but {scores} was scored on it; restore it") as told:
        scored_data(scores)
    assert "generate" not in str(told.value)
