"""A run that was begun goes on with the data that it was begun with."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from pgt_lora.models.names import resolve
from pgt_lora.studies import by_name
from pgt_lora.studies.before_after import run as run_module
from pgt_lora.training.run_directory import Given, claim
from tests.support.command import call


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the functions behind `run` and `finetune` are called with."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(run_module, "run", lambda recipe, *words: calls.append(words))
    monkeypatch.setattr(by_name, "finetune", lambda recipe, *words, **_: calls.append(words))
    return calls


def test_a_run_needs_no_data_named_again(
    asked: list[tuple[Any, ...]], data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    run, data = tmp_path / "run", Path(shutil.copytree(data_dir, tmp_path / "mine"))
    claim(run, resolve("tiny-qwen2.5-vl").recipe, data, given=Given(data, (data_dir,)))
    for words in (["run", run], ["run", run, "--out", run], ["finetune", run, "--out", run]):
        assert call(monkeypatch, capsys, *words)[0] == 0
    assert asked == [(data, run, False, (data_dir,))] * 2 + [(data, run)]
    assert call(monkeypatch, capsys, "run", run, "--out", tmp_path / "another")[0] == 0  # its recipe, and PGT
    assert asked[-1] == (None, tmp_path / "another", False, ())
    data.rename(tmp_path / "moved")
    for words in (["run", run], ["finetune", run, "--out", run]):
        status, said = call(monkeypatch, capsys, *words)
        assert (status, said.count("\n")) == (2, 1)
        assert f"{data}: no longer holds the data that {run} was begun with; name their place with --data" in said
    assert call(monkeypatch, capsys, "run", run, "--data", tmp_path / "moved")[0] == 0
    assert asked[-1] == (tmp_path / "moved", run, False, (data_dir,))


def test_a_recipe_is_trained_on_nothing_that_is_not_named(
    asked: list[tuple[Any, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = call(monkeypatch, capsys, "finetune", "tiny-qwen2.5-vl", "--out", tmp_path / "run")
    assert status == 2 and "pgt-lora: --data: missing" in said
    assert not asked
