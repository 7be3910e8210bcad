"""The diagnosis as a command."""

import json
import re
import shutil
from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import RECIPES
from pgt_lora.data.directory import read_manifest
from pgt_lora.models.names import resolve
from pgt_lora.studies.diagnose.diagnose import diagnose_model

QUICK = ["--canvas", "112", "--dtype", "float32", "--max_new_tokens", "2"]


def test_the_command_writes_what_it_finds(
    base_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path))
    out = tmp_path / "out"
    diagnose_model(resolve(str(base_dir), QUICK, to_train=False), None, 2, out, QUICK)
    told = json.loads((out / "diagnosis.json").read_text())
    predictions = [json.loads(line) for line in (out / "scores" / "predictions.jsonl").read_text().splitlines()]
    assert len(predictions) == 28
    assert {skill["task"] for skill in told["skills"]} == {each["task"] for each in predictions}
    assert told["content_hash"] == read_manifest(tmp_path / "data" / "pgt-probe-112x112-2")["content_hash"]
    for skill in told["skills"]:
        assert skill["right"]["total"] == 2
        assert skill["right"]["interval_999"][0] <= skill["right"]["interval_95"][0] <= skill["right"]["value"]
        assert skill["verdict"]["kind"]
    shown = capsys.readouterr().out
    assert all(skill["task"] in shown for skill in told["skills"])
    assert "diagnosis.html" in shown
    page = (out / "diagnosis.html").read_text()
    assert not re.search(r'(src|href)="(?!data:)', page)
    with pytest.raises(InputError, match="--overwrite"):
        diagnose_model(resolve(str(base_dir), QUICK, to_train=False), None, 2, out, QUICK)
    diagnose_model(
        resolve(str(base_dir), QUICK, to_train=False),
        tmp_path / "data" / "pgt-probe-112x112-2",
        None,
        out,
        QUICK,
        overwrite=True,
    )
    assert json.loads((out / "diagnosis.json").read_text())["skills"] == told["skills"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out"]


def test_an_adapter_goes_by_the_recipe_beside_it_or_by_that_of_its_base(base_dir: Path, tmp_path: Path) -> None:
    (adapter := tmp_path / "mine").mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base_dir)}))
    assert resolve(str(adapter), to_train=False).recipe.kit.canvas == "448"
    assert resolve(str(adapter), ["--canvas", "224"], to_train=False).recipe.kit.canvas == "224"
    shutil.copy(RECIPES / "tiny-qwen2.5-vl.yaml", adapter / "recipe.yaml")
    found = resolve(str(adapter), to_train=False).recipe
    assert (found.name, found.kit.canvas) == ("mine", "112")


@pytest.mark.parametrize(
    ("model", "data", "num_samples", "message"),
    [
        ("tiny-qwen2.5-vl", "data", 4, "leave it out"),
        ("tiny-qwen2.5-vl", "nothing", None, "no such dataset directory"),
        ("tiny-qwen2.5-vl", None, 5, "even number"),
        ("tiny-qwen2.5-vl", None, 0, "even number"),
        ("./nowhere", None, 2, "./nowhere"),
    ],
)
def test_what_cannot_be_used_is_refused(
    model: str, data: str | None, num_samples: int | None, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path))
    with pytest.raises(InputError, match=message):
        named = resolve(model, to_train=False)
        diagnose_model(named, tmp_path / data if data else None, num_samples, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
