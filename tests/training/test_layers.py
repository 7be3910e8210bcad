"""What makes layers faster changes no loss and no gradient."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pgt_lora.core.recipe import RECIPES, Recipe, load_recipe
from pgt_lora.data.directory import open_dataset
from pgt_lora.training import trainer as module
from pgt_lora.training.build import build_trainer, prepare
from pgt_lora.training.hooked_trainer import prepared
from pgt_lora.training.layers import compile_layers
from pgt_lora.training.measured import measured


def loss_and_gradients(recipe: Recipe, data_dir: Path, out: Path) -> tuple[float, dict[str, torch.Tensor], Any]:
    rows = open_dataset(data_dir)
    ready = prepare(recipe, measured(recipe, rows))
    trainer = build_trainer(recipe, out, ready)
    model: Any = trainer.model
    with torch.no_grad():
        for name, parameter in model.named_parameters():  # B is zero at the start, and with it A's gradient
            if "lora_B" in name:
                parameter.fill_(0.01)
    batch = ready.training.encoder.training_batch(list(rows)[:4])
    with trainer.compute_loss_context_manager(), trainer.accelerator.autocast():  # as in a step
        loss = trainer.compute_loss(model.train(), prepared(trainer, batch))
    loss.backward()
    return loss.item(), {name: p.grad for name, p in model.named_parameters() if p.grad is not None}, model


@pytest.mark.parametrize("words", ["--bf16 true --dtype bfloat16", "--bf16 true", ""])
def test_uncast_inputs_change_nothing(overrides: list[str], words: str, data_dir: Path, tmp_path: Path) -> None:
    recipe = load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", [*overrides, *words.split()])
    loss, gradients, _ = loss_and_gradients(recipe, data_dir, tmp_path)
    uncast = replace(recipe, kit=replace(recipe.kit, cast_lora_inputs=False))
    other_loss, others, model = loss_and_gradients(uncast, data_dir, tmp_path)
    casts = {m.cast_input_dtype_enabled for m in model.modules() if hasattr(m, "cast_input_dtype_enabled")}
    assert casts == {not words}  # without mixed precision, the cast stays
    assert other_loss == loss
    assert gradients.keys() == others.keys()
    assert all(torch.equal(gradients[name], gradient) for name, gradient in others.items())


@pytest.mark.parametrize("backend", ["eager", pytest.param("aot_eager", marks=pytest.mark.slow)])
def test_compiled_layers_compute_the_same(
    backend: str, overrides: list[str], data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By compilers that make graphs, of both passes or of the forward alone, and no kernels, which take a minute."""
    recipe = load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", overrides)
    loss, gradients, _ = loss_and_gradients(recipe, data_dir, tmp_path)
    monkeypatch.setattr(module, "compile_layers", lambda model: compile_layers(model, backend))
    compiled = replace(recipe, kit=replace(recipe.kit, compile_layers=True))
    try:
        other_loss, others, model = loss_and_gradients(compiled, data_dir, tmp_path)
        layers = model.get_decoder().layers
        assert [layer._compiled_call_impl is not None for layer in layers] == [True] * (len(layers) - 1) + [False]
        assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
        assert torch._dynamo.utils.counters["graph_break"] == {}
    finally:
        torch._dynamo.reset()
    assert other_loss == pytest.approx(loss, rel=1e-5)
    assert gradients.keys() == others.keys()
    for name, gradient in others.items():
        torch.testing.assert_close(gradient, gradients[name], atol=2e-6, rtol=1e-4)
