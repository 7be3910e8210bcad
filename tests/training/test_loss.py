"""What the loss does not need is left out, and the loss, its gradients and generation do not change."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

from pgt_lora.data.directory import open_dataset
from pgt_lora.models.encoding import Encoder
from pgt_lora.training.loss import SupervisedPositions, supervised_inputs
from pgt_lora.training.trainer import fitted
from tests.support.discovered import EACH_FAMILY, FAMILIES, small_model, small_processor


def gradients(model: Any, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("checkpointing", [False, True], ids=["", "checkpointing"])
@pytest.mark.parametrize("name", EACH_FAMILY)
def test_loss_gradients_and_generation_are_the_same(name: str, checkpointing: bool, data_dir: Path) -> None:
    model = small_model(name).train()
    rows = list(open_dataset(data_dir))[:5]
    encoder = Encoder(FAMILIES[name], small_processor(name))
    batch = encoder.training_batch(rows)
    assert not batch["attention_mask"].all()  # some are padded
    prompts = encoder.prompts(rows)
    expected = gradients(model, model(**batch, use_cache=False).loss), model(**batch).loss
    answers = model.generate(**prompts, max_new_tokens=3, do_sample=False)

    import_module("trl.trainer.utils").add_fused_lm_head(model)
    positions = SupervisedPositions(model)
    positions.install()
    assert positions.misfit() is None
    if checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    seen: dict[str, int] = {}
    last = model.get_decoder().layers[-1]
    for part, inner in (("mlp", last.mlp.down_proj), ("attention", last.self_attn.o_proj)):
        inner.register_forward_pre_hook(lambda _, words, part=part: seen.update({part: words[0].shape[:-1].numel()}))
    output = model(**supervised_inputs(batch), fused_lm_head=True)
    torch.testing.assert_close(output.loss, expected[1])
    found = gradients(model, output.loss)
    assert found.keys() == expected[0].keys()
    for key, gradient in found.items():
        torch.testing.assert_close(gradient, expected[0][key], atol=2e-6, rtol=1e-4)
    supervised = int((batch["labels"] >= 0).sum())
    assert output.log_probs.numel() == seen["mlp"] == supervised < batch["labels"].numel()
    model.gradient_checkpointing_disable()
    assert torch.equal(model.generate(**prompts, max_new_tokens=3, do_sample=False), answers)
    assert seen["mlp"] == seen["attention"] == len(rows)  # every position again, of one new token each
    positions.remove()
    again = gradients(model, model(**batch, use_cache=False).loss)
    assert all(torch.equal(again[key], gradient) for key, gradient in expected[0].items())
    assert not any("forward" in vars(module) for module in (model.base_model, *last.modules()))


def test_a_model_that_does_not_fit_keeps_its_own_forwards(capsys: pytest.CaptureFixture[str]) -> None:
    """One whose last layer looks at other positions once more would be scored wrongly: it is found out and said."""

    class Mixing(torch.nn.Module):
        def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
            return hidden_states.cumsum(-2)

    model = small_model("qwen2_5_vl")
    model.get_decoder().layers[-1].mlp = Mixing()
    assert fitted(model) is None
    assert "score_supervised_only does not fit Qwen2_5_VL" in " ".join(capsys.readouterr().out.split())
    assert not any("forward" in vars(module) for module in model.modules())
    assert fitted(small_model("qwen2_5_vl"))
