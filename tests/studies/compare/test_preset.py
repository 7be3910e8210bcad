"""Presets: those that ship, a further file, and names that are not known."""

import sys
from pathlib import Path

import pytest

from pgt_lora.cli import app as cli
from pgt_lora.core.errors import InputError
from pgt_lora.data.overlay.plan import OverlaySettings
from pgt_lora.data.weights import parse_weights, preset_weights, units
from pgt_lora.studies.compare import preset as presets
from pgt_lora.studies.compare.arms import Arm, weights_without
from pgt_lora.studies.compare.preset import Preset, Probes, load_preset, preset_names
from pgt_lora.studies.compare.real_data import OverData, RealData
from pgt_lora.studies.compare.sets import named_sets


def test_every_preset_names_arms_and_sets_that_there_are() -> None:
    assert "transfer" in preset_names()
    for name in preset_names():
        preset = load_preset(name)
        real = RealData(Path("train"), Path("test")) if preset.is_over_data else None
        assert list(named_sets(preset.sets, real)) == list(preset.sets)
        assert preset.arms[0] == Arm("base")


def test_the_transfer_preset_holds_the_control_and_the_upper_bound() -> None:
    preset = load_preset("transfer")
    assert {"base", "pgt", "pgt-permuted", "pgt-varied", "pgt-photographs"} <= {arm.name for arm in preset.arms}
    assert not preset.is_over_data
    assert preset.sets[0] == "pgt"
    assert {"colors", "textures", "photographs", "things"} <= set(preset.sets)


def test_a_further_file_is_a_further_preset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "PRESETS", tmp_path)
    (tmp_path / "mine.yaml").write_text("arms: [base, pgt]\nsets: [pgt, skills]\n")
    assert preset_names() == ["mine"]
    assert load_preset("mine") == Preset("mine", (Arm("base"), Arm("pgt")), ("pgt", "skills"))
    said = "probes: {arms: [pgt], sets: [skills], layers: every:4, at: question, rows: 90}\n"
    (tmp_path / "mine.yaml").write_text(f"arms: [base, pgt]\nsets: [pgt, skills]\n{said}")
    assert load_preset("mine").probes == Probes(("pgt",), ("skills",), "every:4", "question", 90)
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


def test_the_paper_s_tables_are_presets() -> None:
    drawn = {
        name: {arm.name: arm.over and arm.over.overlay for arm in load_preset(name).arms}
        for name in ("proportions", "separate", "accumulation", "leave-one-out", "sizes")
    }
    for arms in drawn.values():
        assert list(arms)[:2] == ["base", "data"] and arms["data"] is None
        assert arms["overlay-100"] == OverlaySettings(1.0)
    shares = [overlay.proportion for overlay in drawn["proportions"].values() if overlay]
    assert sorted(shares) == [0.05, 0.1, 0.5, 1.0]
    assert drawn["separate"]["separate-100"] == OverlaySettings(1.0, separate=True)
    numbers = [overlay.tasks_per_image for overlay in drawn["accumulation"].values() if overlay]
    assert numbers == [1, 2, 3]
    for unit in units():
        overlay = drawn["leave-one-out"][f"no-{unit}"]
        assert overlay and parse_weights(overlay.tasks) == weights_without(unit, preset_weights("families"))
    by_name = {arm.name: arm.over for arm in load_preset("sizes").arms}
    assert by_name["data-tenth"] == OverData(0.1) and by_name["overlay-100-tenth"] == OverData(
        0.1, OverlaySettings(1.0)
    )


BAD_ARMS = {
    "- 3": "arm 3: a word, or a name with its fields",
    "- {a: {}, b: {}}": "a word, or a name with its fields",
    "- a: 5": "arm a: 5: no fields; known: overlay, share",
    "- a: {shares: 0.1}": "arm a: shares: unknown; known: overlay, share",
    "- a: {share: much}": "arm a: share: 'much' does not have the type of 1.0",
    "- a: {share: 0}": "arm a: share 0: must be a share of the real data above 0, up to 1",
    "- a: {overlay: {part: 0.1}}": "arm a: part: unknown; known: proportion, seed, separate, tasks, tasks_per_image",
    "- a: {overlay: {proportion: 2}}": "arm a: --proportion 2",
    "- a: {overlay: {separate: 1}}": "arm a: separate: 1 does not have the type of False",
    "- a: {overlay: {seed: true}}": "arm a: seed: True does not have the type of 0",
    "- a: {overlay: {tasks: depth}}": "arm a: tasks 'depth': unknown task 'depth'",
    "- a: {overlay: {tasks: absolute_position}}": "absolute_position cannot be drawn over photographs; known: analogy,",
    "- pgt: {}": "arm 'pgt': needs its own name over real data",
    "- a/b: {}": "arm 'a/b': needs its own name over real data",
    "- pgd": "arm 'pgd': unknown",
    "- base": "base is given twice",
}


BAD_PROBES = {
    "[base]": "probes ['base']: give arms, sets, layers, at, rows",
    "{arms: [base], sets: [pgt], rows: 9}": "give arms, sets, layers, at, rows",
    "{arms: [pgd], sets: [pgt], layers: all, at: answer, rows: 9}": "arms: ['pgd']: a list of some of base, pgt",
    "{arms: [base], sets: [colors], layers: all, at: answer, rows: 9}": "sets: ['colors']: a list of some of pgt",
    "{arms: [base], sets: [], layers: all, at: answer, rows: 9}": "probes, sets: []: a list of some of pgt",
    "{arms: [base], sets: [pgt], layers: all, at: answer, rows: 0}": "probes, rows: 0: a whole number",
}


@pytest.mark.parametrize("said", BAD_PROBES)
def test_probes_of_nothing_are_told(said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "PRESETS", tmp_path)
    (tmp_path / "mine.yaml").write_text(f"arms: [base, pgt]\nsets: [pgt]\nprobes: {said}\n")
    with pytest.raises(InputError) as raised:
        load_preset("mine")
    assert str(raised.value).startswith(f"{tmp_path / 'mine.yaml'}: ") and BAD_PROBES[said] in str(raised.value)


@pytest.mark.parametrize("arm", BAD_ARMS)
def test_an_arm_that_is_none_is_told(arm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "PRESETS", tmp_path)
    (tmp_path / "mine.yaml").write_text(f"arms:\n- base\n{arm}\nsets: [pgt]\n")
    with pytest.raises(InputError) as raised:
        load_preset("mine")
    message = str(raised.value)
    assert message.startswith(f"{tmp_path / 'mine.yaml'}: ") and BAD_ARMS[arm] in message and "\n" not in message


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--preset", "transfers"], "--preset transfers: unknown; known: "),
        (["--preset", "transfer", "--arms", "base,pgt"], "leave out --arms and --eval-data"),
        (["--preset", "transfer", "--eval-data", "{root}"], "leave out --arms and --eval-data"),
        (["--preset", "transfer", "--data", "{root}"], "is only for presets that draw over it"),
        (["--arms", "base,pgt", "--data", "{root}"], "is only for presets that draw over it"),
        (["--preset", "proportions", "--data", "{root}/none"], "none"),
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
