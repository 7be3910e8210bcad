import json
import signal
import subprocess
import sys
from pathlib import Path

import datasets
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from trl import SFTConfig, SFTTrainer

from pgt_lora.checkpoint import load_adapter, load_model, load_processor
from pgt_lora.encoding import IGNORE, Encoder
from pgt_lora.errors import InputError
from pgt_lora.placement import check_placement
from pgt_lora.recipe import RECIPES, Recipe, load_recipe
from pgt_lora.registry import discover
from pgt_lora.train import accumulation_steps, finetune, newest_checkpoint

ADAPTER = discover("pgt_lora.adapters", "ADAPTER")["qwen2_5_vl"]


KILL_AT_STEP_5 = """
import os, signal
import torch
import transformers
from pgt_lora import cli, train

torch.set_num_threads(1)

class Kill(transformers.TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 5:
            os.kill(os.getpid(), signal.SIGKILL)

build = train.build_trainer

def build_trainer(*words):
    trainer, encoder = build(*words)
    trainer.add_callback(Kill)
    return trainer, encoder

train.build_trainer = build_trainer
cli.main()
"""


@pytest.fixture
def recipe(overrides: list[str]) -> Recipe:
    return load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", overrides)


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "adapter" / "adapter_model.safetensors")


def equal(first: Path, second: Path) -> bool:
    a, b = weights(first), weights(second)
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_finetune_writes_an_adapter_that_plain_peft_loads(
    recipe: Recipe, base_dir: Path, data_dir: Path, tmp_path: Path
) -> None:
    adapter = finetune(recipe, data_dir, tmp_path / "run")
    saved = weights(tmp_path / "run")
    layers = json.loads((base_dir / "config.json").read_text())["text_config"]["num_hidden_layers"]
    assert len(saved) == 2 * 3 * layers  # A and B on q, k and v
    assert all(tensor.dtype == torch.float32 for tensor in saved.values())
    assert any(tensor.abs().max() > 0 for key, tensor in saved.items() if "lora_B" in key)  # B starts at zero
    model = PeftModel.from_pretrained(load_model(str(base_dir)), adapter)
    assert check_placement(load_adapter(load_model(str(base_dir)), adapter), ADAPTER).num_modules == 3 * layers
    assert model.peft_config["default"].lora_alpha == 32
    run = json.loads((adapter / "run.json").read_text())
    assert run["steps"] == 8  # 32 samples, batches of 8, two epochs
    assert run["placement"]["num_modules"] == 3 * layers
    assert run["supervised_tokens"] > 0
    assert load_recipe(adapter / "recipe.yaml").values == recipe.values
    with pytest.raises(InputError, match="finished run"):
        finetune(recipe, data_dir, tmp_path / "run")
    assert equal(tmp_path / "run", tmp_path / "run")


def test_a_killed_run_resumes_to_the_same_weights(
    recipe: Recipe, overrides: list[str], data_dir: Path, tmp_path: Path
) -> None:
    finetune(recipe, data_dir, tmp_path / "whole")
    words = ["finetune", "tiny-qwen2.5-vl", "--data", str(data_dir), "--out", str(tmp_path / "killed"), *overrides]
    ended = subprocess.run([sys.executable, "-c", KILL_AT_STEP_5, *words], capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    assert not (tmp_path / "killed" / "adapter").exists()
    assert newest_checkpoint(tmp_path / "killed" / "checkpoints").name == "checkpoint-4"
    finetune(recipe, data_dir, tmp_path / "killed")
    assert equal(tmp_path / "whole", tmp_path / "killed")


def test_a_half_written_checkpoint_is_skipped(tmp_path: Path) -> None:
    for step, text in ((2, "{}"), (4, "{}"), (10, '{"half'), (12, None)):
        directory = tmp_path / f"checkpoint-{step}"
        directory.mkdir()
        if text is not None:
            (directory / "trainer_state.json").write_text(text)
    (tmp_path / "checkpoint-4" / "checkpoint-is-incomplete.txt").touch()
    assert newest_checkpoint(tmp_path) == tmp_path / "checkpoint-2"
    assert newest_checkpoint(tmp_path / "nothing") is None


def test_accumulation_does_not_change_the_result(overrides: list[str], data_dir: Path, tmp_path: Path) -> None:
    found = {}
    for size in (8, 2):
        words = [*overrides, "--per_device_train_batch_size", str(size), "--max_steps", "3"]
        recipe = load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", words)
        assert accumulation_steps(recipe) == 8 // size
        finetune(recipe, data_dir, tmp_path / str(size))
        found[size] = weights(tmp_path / str(size))
    for key, tensor in found[8].items():
        torch.testing.assert_close(found[2][key], tensor, rtol=1e-3, atol=1e-5)


def test_a_batch_that_does_not_divide_the_global_one_is_refused(overrides: list[str]) -> None:
    recipe = load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", [*overrides, "--per_device_train_batch_size", "3"])
    with pytest.raises(InputError, match="no multiple"):
        accumulation_steps(recipe)


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
    with pytest.raises(InputError, match="another recipe or other data"):
        finetune(recipe, data_dir, run)


def test_lora_outside_the_language_model_is_refused(base_dir: Path) -> None:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=8, target_modules=r".*(\.[qkv]_proj|attn\.proj)")
    with pytest.raises(InputError, match="visual"):
        check_placement(get_peft_model(load_model(str(base_dir)), config), ADAPTER)
    config = LoraConfig(r=8, target_modules=["q_proj", "v_proj"])
    with pytest.raises(InputError, match="'k_proj': 0"):
        check_placement(get_peft_model(load_model(str(base_dir)), config), ADAPTER)


def test_an_adapter_of_another_model_is_refused(recipe: Recipe, base_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    adapter = finetune(recipe, data_dir, tmp_path / "run")
    moved = {key.replace("language_model.", ""): tensor for key, tensor in weights(tmp_path / "run").items()}
    save_file(moved, adapter / "adapter_model.safetensors")
    with pytest.raises(InputError, match="have no place"):
        load_adapter(load_model(str(base_dir)), adapter)


def test_the_dataset_directory_trains_under_plain_trl(base_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    rows = datasets.load_dataset(str(data_dir), split="train", cache_dir=str(tmp_path / "cache"))
    args = SFTConfig(
        str(tmp_path / "out"), max_steps=2, per_device_train_batch_size=2, max_length=None, use_cpu=True, bf16=False,
        report_to="none", gradient_checkpointing=False, logging_steps=1,
    )  # fmt: skip
    trainer = SFTTrainer(str(base_dir), args=args, train_dataset=rows)
    trainer.train()
    assert trainer.state.global_step == 2
    ours = Encoder(ADAPTER, load_processor(str(base_dir))).training_batch([rows[0] | {"images": rows[0]["images"]}])
    theirs = trainer.data_collator([rows[0]])
    kept = ours["input_ids"].shape[1]
    assert torch.equal(theirs["input_ids"][:, :kept], ours["input_ids"])  # TRL's ends with one newline more
    assert torch.equal(theirs["pixel_values"], ours["pixel_values"])
    assert (ours["labels"] != IGNORE).sum() == (theirs["labels"] != IGNORE).sum() - 1
