import json
import signal
import subprocess
import sys
from pathlib import Path

import datasets
import pytest
import torch
from safetensors.torch import load_file

from pgt_lora.core.errors import InputError
from pgt_lora.core.plugins import discover
from pgt_lora.core.recipe import RECIPES, Recipe, load_recipe
from pgt_lora.data.directory import open_dataset
from pgt_lora.models.checkpoint import load_adapter, load_model, load_processor
from pgt_lora.models.encoding import IGNORE, Encoder
from pgt_lora.models.placement import check_placement
from pgt_lora.training.build import build_trainer, load_base, step_shape
from pgt_lora.training.finetune import finetune
from pgt_lora.training.run_directory import newest_checkpoint

ADAPTER = discover("pgt_lora.models.families", "ADAPTER")["qwen2_5_vl"]


KILL_AT_STEP_5 = """
import os, signal
import torch
import transformers
from pgt_lora.cli.app import app as cli
from pgt_lora.training import build as trainer

torch.set_num_threads(1)

class Kill(transformers.TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 5:
            os.kill(os.getpid(), signal.SIGKILL)

build = trainer.build_trainer

def build_trainer(*words):
    built, encoder = build(*words)
    built.add_callback(Kill)
    return built, encoder

trainer.build_trainer = build_trainer
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
    from peft import PeftModel

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
        torch.save({}, directory / "optimizer.pt")
        if text is not None:
            (directory / "trainer_state.json").write_text(text)
    whole = (tmp_path / "checkpoint-4" / "optimizer.pt").read_bytes()
    (tmp_path / "checkpoint-4" / "optimizer.pt").write_bytes(whole[: len(whole) // 2])
    assert newest_checkpoint(tmp_path) == tmp_path / "checkpoint-2"
    assert newest_checkpoint(tmp_path / "nothing") is None


def test_every_step_of_an_epoch_takes_a_whole_batch(recipe: Recipe, data_dir: Path, tmp_path: Path) -> None:
    rows = open_dataset(data_dir).select(range(30))  # three batches of eight, and six more
    trainer, _ = build_trainer(recipe, rows, tmp_path)
    loader = trainer.get_train_dataloader()
    tokens = {each.row_id: each.total for each in trainer.lengths}
    epochs = []
    for epoch in range(2):
        loader.set_epoch(epoch)
        batches = [batch["ids"] for batch in loader]
        assert [len(ids) for ids in batches] == [4] * 6
        for longer, shorter in zip(batches[::2], batches[1::2], strict=True):  # the two of a step
            assert min(tokens[name] for name in longer) >= max(tokens[name] for name in shorter)
        epochs.append({name for ids in batches for name in ids})
    assert len(epochs[0]) == len(epochs[1]) == 24
    assert epochs[0] != epochs[1]


def test_what_a_base_is_loaded_with_can_be_said(overrides: list[str]) -> None:
    def load(words: str) -> torch.nn.Module:
        path = RECIPES / "tiny-qwen2.5-vl.yaml"
        return load_base(load_recipe(path, [*overrides, "--model_init_kwargs", words]))

    assert load('{"output_hidden_states": true}').config.output_hidden_states
    with pytest.raises(InputError, match=r"tiny-qwen2\.5-vl.*multiple values for keyword argument 'dtype'"):
        load('{"dtype": "float32"}')


def test_checkpointing_is_on_only_where_the_recipe_asks_and_changes_nothing(
    overrides: list[str], data_dir: Path, tmp_path: Path
) -> None:
    path = RECIPES / "tiny-qwen2.5-vl.yaml"
    silent = tmp_path / "silent.yaml"
    silent.write_text("".join(line for line in path.open() if not line.startswith("gradient_checkpointing")))
    recipe = load_recipe(silent, [*overrides, "--max_steps", "2"])
    finetune(recipe, data_dir, tmp_path / "without")
    assert not recipe.sft.activation_checkpointing
    recipe = load_recipe(path, [*overrides, "--max_steps", "2", "--gradient_checkpointing"])
    finetune(recipe, data_dir, tmp_path / "with")
    assert recipe.sft.activation_checkpointing
    assert recipe.sft.activation_checkpointing_kwargs == {"use_reentrant": False}
    assert equal(tmp_path / "without", tmp_path / "with")
    trainer, encoder = build_trainer(recipe, open_dataset(data_dir), tmp_path / "built")
    batch = encoder.training_batch([open_dataset(data_dir)[0]])
    model = trainer.model.get_base_model().train()
    features = model.get_image_features(batch["pixel_values"], batch["image_grid_thw"]).pooler_output
    assert not any(image.requires_grad for image in features)  # the vision tower is not run backward


def test_the_global_batch_holds_or_the_run_says_why_not(overrides: list[str]) -> None:
    def shape(size: int, processes: int) -> tuple[int, int]:
        words = [*overrides, "--global_batch_size", "64", "--per_device_train_batch_size", str(size)]
        recipe = load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", words)
        recipe.sft._n_gpu = processes  # what the property returns where so many GPUs are visible
        return step_shape(recipe)

    assert [shape(16, n) for n in (1, 2, 4, 8, 64)] == [(16, 4), (16, 2), (16, 1), (8, 1), (1, 1)]
    with pytest.raises(InputError, match="64 is no multiple of per_device_train_batch_size 3"):
        shape(3, 1)
    with pytest.raises(InputError, match="equally to 6 processes; make 1 or 2 or 4 GPUs visible"):
        shape(16, 6)


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
    from trl import SFTConfig, SFTTrainer

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
