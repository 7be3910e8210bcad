"""Levers that a recipe passes on to Transformers and Accelerate: each takes hold, and changes no loss."""

from pathlib import Path
from typing import Any

import pytest
import torch

from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import RECIPES, load_recipe
from pgt_lora.data.directory import open_dataset
from pgt_lora.training.build import build_trainer, prepare
from pgt_lora.training.measured import measured
from tests.training.test_layers import loss_and_gradients

TINY = RECIPES / "tiny-qwen2.5-vl.yaml"
TOWER_ALONE = ("--model_init_kwargs", '{"attn_implementation": {"vision_config": "eager"}}')
NON_BLOCKING = ("--accelerator_config", '{"non_blocking": true}', "--dataloader_pin_memory", "true")


def test_attention_of_the_tower_alone_changes_no_loss(overrides: list[str], data_dir: Path, tmp_path: Path) -> None:
    loss, gradients, _ = loss_and_gradients(load_recipe(TINY, overrides), data_dir, tmp_path)
    other_loss, others, model = loss_and_gradients(load_recipe(TINY, [*overrides, *TOWER_ALONE]), data_dir, tmp_path)
    base = model.get_base_model()
    tower, text = base.get_encoder(modality="image"), base.get_decoder()
    assert (tower.config._attn_implementation, text.config._attn_implementation) == ("eager", "sdpa")
    assert other_loss == pytest.approx(loss, rel=1e-5)
    assert gradients.keys() == others.keys()
    for name, gradient in others.items():
        torch.testing.assert_close(gradient, gradients[name], atol=2e-6, rtol=1e-3)


def test_a_part_that_the_model_lacks_is_refused(overrides: list[str], data_dir: Path, tmp_path: Path) -> None:
    """Transformers takes any name and heeds none that it does not know."""
    words = ["--model_init_kwargs", '{"attn_implementation": {"vision": "eager"}}']
    recipe = load_recipe(TINY, [*overrides, *words])
    with pytest.raises(InputError, match=r"attn_implementation vision=…: unknown 'vision'; known: .*vision_config"):
        prepare(recipe, measured(recipe, open_dataset(data_dir)))
    with pytest.raises(InputError, match="attn_implementation is given twice"):
        load_recipe(TINY, [*TOWER_ALONE, "--attn_implementation", "eager"])


def test_copies_that_do_not_block_change_no_loss(overrides: list[str], data_dir: Path, tmp_path: Path) -> None:
    loss, gradients, _ = loss_and_gradients(load_recipe(TINY, overrides), data_dir, tmp_path)
    recipe = load_recipe(TINY, [*overrides, *NON_BLOCKING])
    rows = open_dataset(data_dir)
    loader: Any = build_trainer(recipe, tmp_path, prepare(recipe, measured(recipe, rows))).get_train_dataloader()
    assert loader._non_blocking
    other_loss, others, _ = loss_and_gradients(recipe, data_dir, tmp_path)
    assert other_loss == loss
    assert all(torch.equal(gradients[name], gradient) for name, gradient in others.items())
