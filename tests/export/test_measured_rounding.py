"""What rounding leaves open is measured on the model: a deep one passes where a fixed share of a logit fails it."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, Qwen2_5_VLForConditionalGeneration

from pgt_lora.core.files import read_json
from pgt_lora.evaluation.evaluate import load_for_evaluation
from pgt_lora.export.merge import companion_files, merge
from pgt_lora.export.rounding import LEAST, Rounding, nudged, rounding, supervised
from pgt_lora.export.verify import fixed_rows
from pgt_lora.models.checkpoint import Checkpoint, load_model
from tests.support.adapters import write_adapter
from tests.support.scored import BASE
from tests.support.verification import verified_here

LAYERS, SPREAD = 12, 0.12  # six times the usual spread of weights: layers amplify what earlier ones have rounded


def write_deep(out: Path) -> Path:
    """Write a deep Qwen2.5-VL with random weights in bfloat16, whose logits rounding moves far."""
    config = AutoConfig.from_pretrained(BASE)
    text = config.text_config
    text.num_hidden_layers, text.layer_types = LAYERS, ["full_attention"] * LAYERS
    text.initializer_range = config.initializer_range = SPREAD
    torch.manual_seed(0)
    Qwen2_5_VLForConditionalGeneration(config).to(torch.bfloat16).save_pretrained(out)
    for path in companion_files(BASE):
        if path.name != "config.json":
            shutil.copy(path, out)
    return out


@pytest.mark.slow
def test_a_deep_model_in_bfloat16_is_verified(tmp_path: Path) -> None:
    base = write_deep(tmp_path / "base")
    adapter = write_adapter(base, tmp_path / "adapter", size=0.05)
    with verified_here():
        merge(Checkpoint(str(base), adapter), tmp_path / "merged")
    assert read_json(tmp_path / "merged" / "verification.json")["passed"] is True

    rows = fixed_rows(adapter)
    model, encoder = load_for_evaluation(Checkpoint(str(base), adapter))
    tuned, _ = supervised(model, encoder, rows)
    tolerance = rounding(model, encoder, rows).of_logit(torch.bfloat16)

    def share(model: Any) -> float:
        """How far its logits are off, relative to the largest."""
        return float((supervised(model, encoder, rows)[0] - tuned).abs().max() / tuned.abs().max())

    with model.disable_adapter():
        assert share(model) > tolerance, "it tells the model from its base"
    merged, _ = load_for_evaluation(Checkpoint(str(tmp_path / "merged")))
    assert LEAST[torch.bfloat16] < share(merged) < tolerance, "a fixed share would fail it"
    stronger = write_adapter(base, tmp_path / "stronger", size=0.05, lora_alpha=32)
    assert share(load_for_evaluation(Checkpoint(str(base), stronger))[0]) > tolerance


@pytest.mark.parametrize("dtype", LEAST)
def test_a_nudge_is_one_unit_and_leaves_nothing_behind(dtype: torch.dtype, base_dir: Path) -> None:
    model = load_model(str(base_dir)).to(dtype).requires_grad_(False)
    layer, head = model.get_decoder().layers[0].self_attn.q_proj, model.get_output_embeddings()
    torch.manual_seed(5)
    values = torch.randn(64, layer.in_features).to(dtype)
    state, before, of_head = torch.random.get_rng_state(), layer(values), head(values)
    with nudged(model):
        after = layer(values)
        assert torch.equal(head(values), of_head)
    unit = torch.finfo(dtype).eps * before.double().abs()
    smallest = torch.finfo(dtype).smallest_normal  # below it, a unit is a larger share
    units = (after.double() - before.double()).abs() / unit.clamp(min=smallest)
    assert 0.4 < float((after != before).float().mean()) < 0.9
    assert float(units.max()) <= 2, "a unit at most, and one that the product is rounded by"
    assert torch.equal(layer(values), before)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_leeway_grows_with_what_was_measured_and_with_the_type() -> None:
    assert Rounding(0.1, 0.1).of_logit(torch.bfloat16) == LEAST[torch.bfloat16]
    assert Rounding(0.1, 0.1).of_margin(torch.float32) == 2 * LEAST[torch.float32]
    measured = Rounding(logits=10, margins=8)
    assert measured.of_logit(torch.bfloat16) == 3 * 10 / 128
    assert measured.of_margin(torch.bfloat16) == 3 * 8 / 128
    assert measured.of_logit(torch.float16) == 3 * 10 / 1024


def test_a_model_that_gives_no_numbers_is_granted_the_least(base_dir: Path) -> None:
    model, encoder = load_for_evaluation(Checkpoint(str(base_dir)))
    rows = fixed_rows(base_dir)[:2]
    with torch.no_grad():
        model.get_output_embeddings().weight.fill_(torch.nan)
    assert rounding(model, encoder, rows) == Rounding(0.0, 0.0)
