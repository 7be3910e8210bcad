"""Fine-tuning: what it writes, how it resumes, what it refuses."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch

from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import Recipe, load_recipe
from pgt_lora.data.directory import read_manifest
from pgt_lora.data.generate import generate
from pgt_lora.models.checkpoint import load_adapter, load_model, load_processor
from pgt_lora.models.encoding import IGNORE, Encoder
from pgt_lora.models.placement import check_placement
from pgt_lora.training.adapter import check_trained
from pgt_lora.training.finetune import finetune, train
from pgt_lora.training.run_directory import newest_checkpoint
from tests.support.discovered import FAMILIES
from tests.support.runs import equal, weights

QWEN = FAMILIES["qwen2_5_vl"]
KILL_AT_STEP_5 = """
import os, signal
import torch
import transformers
from pgt_lora.cli import app as cli
from pgt_lora.training import finetune as trainer

torch.set_num_threads(1)

class Kill(transformers.TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 5:
            os.kill(os.getpid(), signal.SIGKILL)

build = trainer.build_trainer

def build_trainer(*words):
    built = build(*words)
    built.add_callback(Kill)
    return built

trainer.build_trainer = build_trainer
cli.main()
"""


def test_finetune_writes_an_adapter_that_plain_peft_loads(
    recipe: Recipe, base_dir: Path, data_dir: Path, tmp_path: Path
) -> None:
    from peft import PeftModel

    adapter = finetune(recipe, data_dir, tmp_path / "run")
    saved = weights(tmp_path / "run")
    layers = json.loads((base_dir / "config.json").read_text())["text_config"]["num_hidden_layers"]
    assert len(saved) == 2 * 3 * layers  # A and B on q, k and v
    assert all(tensor.dtype == torch.float32 for tensor in saved.values())
    assert any(tensor.abs().max() > 0 for key, tensor in saved.items() if "lora_B" in key)  # B starts at zero
    model = PeftModel.from_pretrained(load_model(str(base_dir)), adapter)
    assert check_placement(load_adapter(load_model(str(base_dir)), adapter), QWEN).num_modules == 3 * layers
    assert model.peft_config["default"].lora_alpha == 32
    run = json.loads((adapter / "run.json").read_text())
    assert run["steps"] == 8  # 32 samples, batches of 8, two epochs
    assert run["placement"]["num_modules"] == 3 * layers
    assert run["supervised_tokens"] > 0
    assert load_recipe(adapter / "recipe.yaml").values == recipe.values
    with pytest.raises(InputError, match="finished run"):
        finetune(recipe, data_dir, tmp_path / "run")
    assert equal(tmp_path / "run", tmp_path / "run")


def test_the_record_is_of_the_rows_that_were_trained_on(
    recipe: Recipe, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    shutil.copytree(data_dir, data)
    trained_on = read_manifest(data)

    def remade(*words: Any) -> None:
        train(*words)
        generate(data, num_samples=1, seed=7, overwrite=True)  # by another command, meanwhile

    monkeypatch.setattr("pgt_lora.training.finetune.train", remade)
    short = recipe.changed(max_steps=2)
    adapter = finetune(short, data, tmp_path / "run")
    assert json.loads((adapter / "run.json").read_text())["data"] == trained_on


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_weights(recipe: Recipe, data_dir: Path, tmp_path: Path) -> None:
    finetune(recipe, data_dir, tmp_path / "whole")
    (tmp_path / "own.yaml").write_text(recipe.dump())
    words = ["finetune", str(tmp_path / "own.yaml"), "--data", str(data_dir), "--out", str(tmp_path / "killed")]
    ended = subprocess.run([sys.executable, "-c", KILL_AT_STEP_5, *words], capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    assert not (tmp_path / "killed" / "adapter").exists()
    assert newest_checkpoint(tmp_path / "killed" / "checkpoints").name == "checkpoint-4"
    finetune(recipe, data_dir, tmp_path / "killed")
    assert equal(tmp_path / "whole", tmp_path / "killed")


def test_fewer_samples_than_a_step_are_refused(recipe: Recipe, data_dir: Path, tmp_path: Path) -> None:
    recipe.kit.global_batch_size = 64
    with pytest.raises(InputError, match="32 samples, fewer than global_batch_size 64"):
        finetune(recipe, data_dir, tmp_path / "run")


def test_another_runs_directory_is_left_alone(
    recipe: Recipe, overrides: list[str], data_dir: Path, tmp_path: Path
) -> None:
    stranger = tmp_path / "mine"
    stranger.mkdir()
    (stranger / "thesis.txt").write_text("words")
    with pytest.raises(InputError, match="not a run directory"):
        finetune(recipe, data_dir, stranger, overwrite=True)
    assert (stranger / "thesis.txt").read_text() == "words"
    run = tmp_path / "run"
    run.mkdir()
    (run / "started.json").write_text("{}")
    (run / "checkpoints").mkdir()
    with pytest.raises(InputError, match="a run without a record of its recipe"):
        finetune(recipe, data_dir, run)


def test_an_adapter_of_another_model_is_refused(recipe: Recipe, base_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    adapter = finetune(recipe, data_dir, tmp_path / "run")
    moved = {key.replace("language_model.", ""): tensor for key, tensor in weights(tmp_path / "run").items()}
    save_file(moved, adapter / "adapter_model.safetensors")
    with pytest.raises(InputError, match="have no place"):
        load_adapter(load_model(str(base_dir)), adapter)


def test_the_dataset_directory_trains_under_plain_trl(base_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    from trl import SFTConfig, SFTTrainer

    rows = datasets.load_dataset(str(data_dir), split="train", cache_dir=str(tmp_path / "cache"))
    args = SFTConfig(
        str(tmp_path / "out"), max_steps=2, per_device_train_batch_size=2, max_length=None, use_cpu=True, bf16=False,
        report_to="none", gradient_checkpointing=False, logging_steps=1,
    )  # fmt: skip
    trainer = SFTTrainer(str(base_dir), args=args, train_dataset=rows)
    trainer.train()
    assert trainer.state.global_step == 2
    ours = Encoder(QWEN, load_processor(str(base_dir))).training_batch([rows[0] | {"images": rows[0]["images"]}])
    theirs = trainer.data_collator([rows[0]])
    kept = ours["input_ids"].shape[1]
    assert torch.equal(theirs["input_ids"][:, :kept], ours["input_ids"])  # TRL's ends with one newline more
    assert torch.equal(theirs["pixel_values"], ours["pixel_values"])
    assert (ours["labels"] != IGNORE).sum() == (theirs["labels"] != IGNORE).sum() - 1


@pytest.mark.parametrize(
    ("value", "words"), [(float("nan"), "1 of 2 trained tensors are not finite"), (0.0, "nothing")]
)
def test_what_is_not_finite_or_as_at_the_start_is_not_saved(value: float, words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_trained({"q.lora_A.weight": torch.ones(2, 2), "q.lora_B.weight": torch.full((2, 2), value)}, Path("run"))
    check_trained({"q.lora_A.weight": torch.ones(2, 2), "q.lora_B.weight": torch.eye(2)}, Path("run"))


def test_a_run_whose_learning_rate_never_rose_is_no_run(recipe: Recipe, data_dir: Path, tmp_path: Path) -> None:
    one_step = recipe.changed(max_steps=1)  # it is the warm-up's, at zero
    with pytest.raises(InputError, match="training changed nothing"):
        finetune(one_step, data_dir, tmp_path / "run")
    assert not (tmp_path / "run" / "adapter").exists()
