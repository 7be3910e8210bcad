"""`diagnose --layers` as a command."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import write_manifest, write_samples
from pgt_lora.data.probes import probe_samples
from pgt_lora.models.names import resolve
from pgt_lora.studies.diagnose.diagnose import diagnose_model
from pgt_lora.studies.diagnose.layers import sites
from pgt_lora.studies.diagnose.layers.sites import Probing, Site
from tests.support.diagnoses import SETTINGS
from tests.support.discovered import FAMILIES, TASKS


def test_the_command_writes_figures_and_a_page(
    base_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path))
    (data := tmp_path / "relation").mkdir()
    samples = [sample for index in range(24) for sample in probe_samples(TASKS["relation"], index, SETTINGS)]
    written = write_samples(data, (sample for sample in samples if sample.to_row()["template"] == "A"))
    write_manifest(data, {}, written)
    quick = ["--dtype", "float32", "--max_new_tokens", "1"]
    named = resolve(str(base_dir), quick, to_train=False)
    out = tmp_path / "out"
    with monkeypatch.context() as patched, pytest.raises(InputError, match=r"0\.0 GB free"):
        patched.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=0))
        diagnose_model(named, data, None, out, quick, False, Probing("0", [Site.ANSWER]))
    assert (out / "diagnosis.html").is_file()  # what was answered stays
    diagnose_model(named, data, None, out, quick, True, Probing("0,5", [Site.ANSWER, Site.OBJECTS]))
    told = json.loads((out / "layers.json").read_text())
    assert [(each["site"], each["point"]) for each in told["figures"]] == [
        ("answer", "0"), ("answer", "5"),
        ("objects", "tower"), ("objects", "projector"), ("objects", "0"), ("objects", "5"),
    ]  # fmt: skip
    assert told["verdicts"][0]["standing"] == "nowhere"
    assert told["command"].endswith("--layers 0,5 --at answer,objects --dtype float32 --max_new_tokens 1")
    page = (out / "layers.html").read_text()
    assert page.count("<svg") == 2
    assert "layers.html" in capsys.readouterr().out


def test_a_missing_package_is_named_before_anything_is_done(
    base_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sklearn", None)
    named = resolve(str(base_dir), to_train=False)
    with pytest.raises(InputError, match=r"pip install 'pgt-lora\[probes\]'"):
        diagnose_model(named, None, None, tmp_path / "out", (), False, Probing("all", list(Site)))
    assert list(tmp_path.iterdir()) == []


def test_layers_and_sites_that_a_model_has_not_are_refused_before_anything_is_done(
    base_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path))
    named = resolve(str(base_dir), to_train=False)
    with pytest.raises(InputError, match="the language model has the layers 0 to 5"):
        diagnose_model(named, None, 2, tmp_path / "out", (), False, Probing("0,8,99", list(Site)))
    monkeypatch.setattr(sites, "family_of", lambda base, revision: replace(FAMILIES["qwen2_5_vl"], whole_view=None))
    with pytest.raises(InputError, match="leave out objects"):
        diagnose_model(named, None, 2, tmp_path / "out", (), False, Probing("0", list(Site)))
    assert list(tmp_path.iterdir()) == []
