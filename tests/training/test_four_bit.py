import json
from collections import Counter
from pathlib import Path

import pytest
import torch

from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import RECIPES, Recipe, load_recipe
from pgt_lora.data.directory import open_dataset
from pgt_lora.evaluation.evaluate import load_for_evaluation
from pgt_lora.export.merge import merge
from pgt_lora.models.checkpoint import load_processor
from pgt_lora.training.build import build_trainer, prepare
from pgt_lora.training.finetune import finetune
from pgt_lora.training.measured import measured
from tests.support.checkpoints import checkpoint
from tests.support.verification import verified_here

pytest.importorskip("bitsandbytes")

TINY = RECIPES / "tiny-qwen2.5-vl.yaml"
FOUR_BIT = ("--load_in_4bit", "--use_bnb_nested_quant", "--dtype", "bfloat16", "--max_steps", "3")


@pytest.fixture(scope="module")
def base_16_dir(base_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small base in 16 bits."""
    from transformers import AutoModelForImageTextToText

    directory = tmp_path_factory.mktemp("base16")
    AutoModelForImageTextToText.from_pretrained(base_dir, dtype=torch.bfloat16).save_pretrained(directory)
    load_processor(str(base_dir)).save_pretrained(directory)
    return directory


@pytest.fixture
def recipe(overrides: list[str], base_16_dir: Path) -> Recipe:
    return load_recipe(TINY, [*overrides, "--model_name_or_path", str(base_16_dir), *FOUR_BIT])


def linear_kinds(model: torch.nn.Module) -> Counter[tuple[str, str]]:
    """Count the linear layers by where they are and of what class."""
    counts: Counter[tuple[str, str]] = Counter()
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and "lora" not in name:
            place = next(part for part in ("visual", "language_model", "lm_head") if part in name.split("."))
            counts[place, type(module).__name__] += 1
    return counts


def test_the_language_model_alone_is_quantized_and_lora_is_trained_in_fp32(
    recipe: Recipe, data_dir: Path, tmp_path: Path
) -> None:
    rows = open_dataset(data_dir)
    trainer = build_trainer(recipe, tmp_path, prepare(recipe, measured(recipe, rows)))
    base = trainer.model.get_base_model()
    kinds = linear_kinds(base)
    assert kinds.keys() == {("language_model", "Linear4bit"), ("visual", "Linear"), ("lm_head", "Linear")}
    num_layers = base.config.get_text_config().num_hidden_layers
    assert kinds["language_model", "Linear4bit"] == 7 * num_layers  # q, k, v, o, gate, up, down
    layer = base.model.language_model.layers[0].mlp.up_proj
    assert layer.compute_dtype == torch.bfloat16
    assert layer.weight.quant_state.quant_type == "nf4"
    assert layer.weight.quant_state.nested
    assert base.model.visual.blocks[0].attn.qkv.weight.dtype == torch.bfloat16
    before = {name: p.detach().clone() for name, p in trainer.model.named_parameters() if p.requires_grad}
    trainer.train()
    trained = [p for group in trainer.optimizer.param_groups for p in group["params"]]
    assert len(trained) == len(before) == 2 * 3 * num_layers
    assert {p.dtype for p in trained} == {torch.float32}
    assert {value.dtype for state in trainer.optimizer.state.values() for value in state.values()} == {torch.float32}
    after = dict(trainer.model.named_parameters())
    assert all(not torch.equal(before[name], after[name]) for name in before if "lora_B" in name)


def test_the_adapter_goes_into_the_16_bit_base(recipe: Recipe, data_dir: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    finetune(recipe, data_dir, run)
    model, _ = load_for_evaluation(checkpoint(run), recipe)
    assert "Linear4bit" not in {type(module).__name__ for module in model.modules()}
    assert model.dtype == torch.bfloat16
    with verified_here():
        merge(checkpoint(run), tmp_path / "merged")
    verification = json.loads((tmp_path / "merged" / "verification.json").read_text())
    assert verification["passed"]
    assert "quantization_config" not in json.loads((tmp_path / "merged" / "config.json").read_text())


def test_a_missing_package_is_named(recipe: Recipe, data_dir: Path, tmp_path: Path) -> None:
    recipe.model.load_in_4bit = False
    recipe.model.attn_implementation = "flash_attention_2"
    with pytest.raises(InputError, match="FlashAttention2"):
        finetune(recipe, data_dir, tmp_path / "run")
