"""Presets: those that ship, a further file, and names that are not known."""

import sys
from pathlib import Path

import pytest

from pgt_lora.cli import app as cli
from pgt_lora.core.errors import InputError
from pgt_lora.studies.compare import preset as presets
from pgt_lora.studies.compare.arms import parse_arms
from pgt_lora.studies.compare.preset import Preset, load_preset, preset_names
from pgt_lora.studies.compare.sets import named_sets


def test_every_preset_names_arms_and_sets_that_there_are() -> None:
    assert "transfer" in preset_names()
    for name in preset_names():
        preset = load_preset(name)
        assert [arm.name for arm in parse_arms(",".join(preset.arms))] == list(preset.arms)
        assert list(named_sets(preset.sets)) == list(preset.sets)


def test_the_transfer_preset_holds_the_control_and_the_upper_bound() -> None:
    preset = load_preset("transfer")
    assert {"base", "pgt", "pgt-permuted", "pgt-varied", "pgt-photographs"} <= set(preset.arms)
    assert preset.sets[0] == "pgt"
    assert {"colors", "textures", "photographs", "things"} <= set(preset.sets)


def test_a_further_file_is_a_further_preset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "PRESETS", tmp_path)
    (tmp_path / "mine.yaml").write_text("arms: [base, pgt]\nsets: [pgt, skills]\n")
    assert preset_names() == ["mine"]
    assert load_preset("mine") == Preset("mine", ("base", "pgt"), ("pgt", "skills"))
    for text in (
        "arms: [base, pgt]\n",
        "arms: [base, pgt]\nsets: [pgt]\nseed: 1\n",
        "- base\n",
        "arms: pgt\nsets: [pgt]",
    ):
        (tmp_path / "mine.yaml").write_text(text)
        with pytest.raises(InputError, match="a preset has two lists"):
            load_preset("mine")


def test_an_unknown_set_is_named() -> None:
    with pytest.raises(InputError, match="'photos': unknown; known: colors, pgt, photographs,"):
        named_sets(["pgt", "photos"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--preset", "transfers"], "--preset transfers: unknown; known: "),
        (["--preset", "transfer", "--arms", "base,pgt"], "leave --arms and --eval-data out"),
        (["--preset", "transfer", "--eval-data", "{root}"], "leave --arms and --eval-data out"),
    ],
)
def test_bad_input_is_one_clear_line(
    words: list[str], says: str, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [word.format(root=root) for word in words]
    monkeypatch.setattr(sys, "argv", ["pgt-lora", "compare", "tiny-qwen2.5-vl", *given, "--out", str(root / "out")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    (message,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("pgt-lora: ")]
    assert ended.value.code == 2
    assert says in message
    assert not (root / "out").exists()
