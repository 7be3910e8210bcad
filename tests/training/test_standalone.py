"""An adapter's directory stands on its own: plain PEFT and Transformers load it, and its base is found after a move."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import AutoPeftModel, PeftModel
from transformers import AutoModelForImageTextToText, AutoProcessor

from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import RECIPES, load_recipe
from pgt_lora.evaluation.evaluate import load_encoder
from pgt_lora.export.adapter import updates_by_key
from pgt_lora.export.behavior import supervised
from pgt_lora.models.base_place import PLACE
from pgt_lora.models.checkpoint import adapter_checkpoint, load_adapter, load_model, set_base
from pgt_lora.training.finetune import finetune
from tests.support.discovered import small_model
from tests.support.made_once import made_once
from tests.support.samples import rows

LINEAR = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


@pytest.fixture(scope="module")
def adapter(base_dir: Path, data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter on all linear layers, some of whose names the vision tower shares, beside its base."""

    def make(root: Path) -> None:
        shutil.copytree(base_dir, root / "bases" / "small")
        words = [
            "--model_name_or_path", str(root / "bases" / "small"), "--lora_target_modules", "[all-linear]",
            "--per_device_train_batch_size", "8", "--global_batch_size", "8", "--max_steps", "2",
            "--learning_rate", "0.02",
        ]  # fmt: skip
        finetune(load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", words), data_dir, root / "runs" / "run")

    return made_once(tmp_path_factory, "standalone", make) / "runs" / "run" / "adapter"


def test_plain_libraries_load_what_the_kit_loads(adapter: Path) -> None:
    checkpoint, asked = adapter_checkpoint(adapter), rows()
    encoder = load_encoder(checkpoint)
    own = load_adapter(load_model(checkpoint.base), adapter)
    auto = AutoPeftModel.from_pretrained(adapter)
    plain = PeftModel.from_pretrained(AutoModelForImageTextToText.from_pretrained(checkpoint.base), adapter)
    expected, _ = supervised(own, encoder, asked)
    for model in (auto, plain):
        assert torch.equal(supervised(model, encoder, asked)[0], expected)
    with auto.disable_adapter():
        assert not torch.equal(supervised(auto, encoder, asked)[0], expected)
    processors: list[Any] = [AutoProcessor.from_pretrained(path) for path in (adapter, checkpoint.base)]
    talk = [{"role": "user", "content": [{"type": "image", "image": asked[0]["images"][0]}]}]
    inputs = [
        each.apply_chat_template(talk, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt")
        for each in processors
    ]
    assert inputs[0].keys() == inputs[1].keys()
    assert all(torch.equal(inputs[0][name], inputs[1][name]) for name in inputs[0])


def test_the_configuration_has_module_names_and_the_card_says_what_was_trained(adapter: Path) -> None:
    config = json.loads((adapter / "adapter_config.json").read_text())
    assert set(config["target_modules"]) == LINEAR
    assert config["exclude_modules"], "the vision tower has a gate_proj, too"
    run = json.loads((adapter / "run.json").read_text())
    assert run["placement"]["num_modules"] == len(LINEAR) * run["placement"]["num_layers"]
    assert len(updates_by_key(Path(adapter_checkpoint(adapter).base), adapter)) == run["placement"]["num_modules"]
    card = (adapter / "README.md").read_text()
    assert "`gate_proj`" in card
    assert "AutoPeftModel" in card
    assert card.startswith("---\nlibrary_name: peft")


def moved(adapter: Path, to: Path) -> Path:
    """A copy of the runs and the bases elsewhere; its adapter names a directory that is no longer there."""
    root = shutil.copytree(adapter.parents[2], to)
    path = root / "runs" / "run" / "adapter" / "adapter_config.json"
    gone = {"base_model_name_or_path": str(to / "gone" / "small")}
    path.write_text(json.dumps(json.loads(path.read_text()) | gone))
    (path.parent / "recipe.yaml").unlink()  # which names the old place
    return path.parent


def test_the_base_is_found_after_a_move(adapter: Path, tmp_path: Path) -> None:
    copy = moved(adapter, tmp_path / "elsewhere")
    beside = tmp_path / "elsewhere" / "bases" / "small"
    assert adapter_checkpoint(copy).base == str(beside)
    assert set_base(copy) == beside
    assert isinstance(AutoPeftModel.from_pretrained(copy), PeftModel)


def test_another_model_is_not_taken_for_the_base(
    adapter: Path, tmp_path: Path, checkpoint_of: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = moved(adapter, tmp_path / "elsewhere")
    beside = tmp_path / "elsewhere" / "bases" / "small"
    right = beside.rename(tmp_path / "small")
    small_model("qwen2_5_vl", seed=1).save_pretrained(beside)
    assert adapter_checkpoint(copy).base == str(right), "it lies by its name above the adapter"
    right = right.rename(tmp_path / "named-otherwise")
    assert "gone" in adapter_checkpoint(copy).base
    with pytest.raises(InputError, match="no checkpoint directory"):
        set_base(copy)
    with pytest.raises(InputError, match="not the model on which"):
        set_base(copy, beside)
    assert set_base(copy, right) == right
    assert adapter_checkpoint(copy).base == str(right)
    (tmp_path / "again").mkdir()
    again = right.rename(tmp_path / "again" / "named-otherwise")
    monkeypatch.chdir(tmp_path / "again")
    assert adapter_checkpoint(copy).base == str(again)
    assert json.loads((copy / PLACE).read_text())["relative"].endswith("named-otherwise")


def test_a_module_that_no_layer_has_is_refused(base_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    words = ["--model_name_or_path", str(base_dir), "--lora_target_modules", "[q_proj, qkv]"]
    with pytest.raises(InputError, match=r"no linear module 'qkv'; known: down_proj, .*, or all-linear alone"):
        finetune(load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", words), data_dir, tmp_path / "run")
