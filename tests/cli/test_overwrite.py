"""`--overwrite`, of every command that takes it, on a directory that is somebody else's."""

from pathlib import Path

import pytest
import typer

from pgt_lora.cli.app import app
from pgt_lora.models.names import resolve
from pgt_lora.training.run_directory import claim
from tests.support.command import call

RECIPE = "tiny-qwen2.5-vl"
COMMANDS = {
    "generate": ["--num-samples", "1"],
    "import": ["DATA"],
    "overlay": ["DATA"],
    "split": ["DATA"],
    "mix": ["--shares", "pgt", "--num-samples", "2"],
    "finetune": [RECIPE, "--data", "DATA"],
    "evaluate": [RECIPE, "--eval-data", "DATA"],
    "merge": ["ADAPTER"],
    "run": ["OVERRIDES", "--data", "DATA"],
    "compare": [RECIPE],
    "diagnose": [RECIPE],
    "benchmark": [RECIPE],
    "export-dataset": ["DATA", "--format", "llava"],
}


def test_every_command_that_overwrites_is_tried() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    found = {name for name, each in commands.items() if any("--overwrite" in option.opts for option in each.params)}
    assert found == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_foreign_directory_is_refused(
    command: str, data_dir: Path, data_overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (foreign := tmp_path / "p").mkdir()
    (thesis := foreign / "thesis.txt").write_text("x\n")
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    base = data_overrides[1]
    (adapter / "adapter_config.json").write_text(f'{{"peft_type": "LORA", "base_model_name_or_path": "{base}"}}')
    monkeypatch.chdir(foreign)
    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path / "home"))
    given = {"DATA": [str(data_dir)], "ADAPTER": [str(adapter)], "OVERRIDES": [RECIPE, *data_overrides]}
    words = [each for word in COMMANDS[command] for each in given.get(word, [word])]
    for out in (".", str(foreign)):
        status, said = call(monkeypatch, capsys, command, *words, "--out", out, "--overwrite")
        assert (status, said.count("\n")) == (2, 1), said
        assert str(out) in said
    assert list(foreign.iterdir()) == [thesis]
    assert thesis.read_text() == "x\n"


def test_a_run_is_not_replaced_by_what_is_made_of_it(
    base_dir: Path, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, adapter = tmp_path / "run", tmp_path / "run" / "adapter"
    claim(run, resolve(RECIPE, ["--model_name_or_path", str(base_dir)]).recipe, data_dir)
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text(f'{{"base_model_name_or_path": "{base_dir}"}}')
    for words in (["merge", run], ["evaluate", run, "--eval-data", data_dir], ["diagnose", run]):
        status, said = call(monkeypatch, capsys, *words, "--out", run, "--overwrite")
        assert (status, said.count("\n")) == (2, 1), said
        assert "run: is or holds" in said
    assert adapter.is_dir()


def test_the_kit_s_own_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pgt_lora.data.generate import generate

    for seed in (0, 1):
        generate(tmp_path / "a", num_samples=1, seed=seed, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
