"""The trainer that a recipe builds."""

from pathlib import Path

import pytest
import torch

from pgt_lora.core.batches import num_steps, step_shape
from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import RECIPES, Recipe, load_recipe
from pgt_lora.data.directory import open_dataset
from pgt_lora.training.build import build_trainer, load_base, prepare, training_arguments
from pgt_lora.training.finetune import finetune
from pgt_lora.training.measured import measured
from tests.support.discovered import FAMILIES
from tests.support.runs import equal


def test_every_step_of_an_epoch_takes_a_whole_batch(recipe: Recipe, data_dir: Path, tmp_path: Path) -> None:
    rows = open_dataset(data_dir).select(range(30))  # three batches of eight, and six more
    trainer = build_trainer(recipe, tmp_path, prepare(recipe, measured(recipe, rows)))
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


def test_the_data_s_own_order_takes_whole_steps_too(overrides: list[str], data_dir: Path, tmp_path: Path) -> None:
    words = [*overrides, "--train_sampling_strategy", "sequential"]
    recipe = load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", words)
    rows = open_dataset(data_dir).select(range(30))
    trainer = build_trainer(recipe, tmp_path, prepare(recipe, measured(recipe, rows)))
    taken = [name for batch in trainer.get_train_dataloader() for name in batch["ids"]]
    assert taken == rows["id"][:24]
    assert len(taken) // 8 * recipe.sft.num_train_epochs == num_steps(recipe, 30) == 6


def test_what_a_base_is_loaded_with_can_be_said(overrides: list[str]) -> None:
    def load(words: str) -> torch.nn.Module:
        path = RECIPES / "tiny-qwen2.5-vl.yaml"
        return load_base(load_recipe(path, [*overrides, "--model_init_kwargs", words]), FAMILIES["qwen2_5_vl"])

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
    assert not training_arguments(recipe, tmp_path).activation_checkpointing
    recipe = load_recipe(path, [*overrides, "--max_steps", "2", "--gradient_checkpointing"])
    finetune(recipe, data_dir, tmp_path / "with")
    args = training_arguments(recipe, tmp_path)
    assert args.activation_checkpointing
    assert args.activation_checkpointing_kwargs == {"use_reentrant": False}
    assert equal(tmp_path / "without", tmp_path / "with")
    prepared = prepare(recipe, measured(recipe, open_dataset(data_dir)))
    trainer = build_trainer(recipe, tmp_path / "built", prepared)
    batch = prepared.training.encoder.training_batch([open_dataset(data_dir)[0]])
    model = trainer.model.get_base_model().train()
    features = model.get_image_features(batch["pixel_values"], batch["image_grid_thw"]).pooler_output
    assert not any(image.requires_grad for image in features)  # the vision tower is not run backward


def test_the_global_batch_holds_or_the_run_says_why_not(overrides: list[str]) -> None:
    def shape(size: int, processes: int) -> tuple[int, int]:
        words = [*overrides, "--global_batch_size", "64", "--per_device_train_batch_size", str(size)]
        found = step_shape(load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", words), processes)
        assert found.num_samples == 64
        return found.batch_size, found.accumulation

    assert [shape(16, n) for n in (1, 2, 4, 8, 64)] == [(16, 4), (16, 2), (16, 1), (8, 1), (1, 1)]
    with pytest.raises(InputError, match="64 is not a multiple of per_device_train_batch_size 3"):
        shape(3, 1)
    with pytest.raises(InputError, match="equally among 6 processes; make 1 or 2 or 4 GPUs visible"):
        shape(16, 6)
