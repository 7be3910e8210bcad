"""A process of its own that shards a small model as accelerate does on GPUs: python -m tests.support.sharded NAME DATA.

Prints, as JSON, the loss and LoRA's gradients of the whole model and of the sharded one, and the type of its loss.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from accelerate import FullyShardedDataParallelPlugin
from accelerate.utils.fsdp_utils import fsdp2_prepare_model
from peft import LoraConfig, get_peft_model
from torch.distributed import TCPStore, destroy_process_group, init_process_group

from pgt_lora.data.directory import open_dataset
from pgt_lora.models.encoding import Encoder
from pgt_lora.training.loss import SupervisedPositions, supervised_inputs
from pgt_lora.training.sharding import prepare_sharding
from tests.support.discovered import FAMILIES, small_model, small_processor


def step(model: Any, batch: dict[str, Any]) -> tuple[float, dict[str, torch.Tensor], torch.dtype]:
    """The loss of a batch in mixed precision, LoRA's gradients, and the type of the loss of each token."""
    model.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        output = model(**batch, fused_lm_head=True)
    loss = -output.log_probs.mean()
    loss.backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    whole = {name: getattr(each, "full_tensor", lambda each=each: each)() for name, each in gradients.items()}
    return loss.item(), {name: each.float() for name, each in whole.items()}, output.log_probs.dtype


def main(name: str, data: str) -> None:
    init_process_group("gloo", store=TCPStore("localhost", 0, is_master=True), rank=0, world_size=1)
    base = small_model(name).to(torch.bfloat16)
    encoder = Encoder(FAMILIES[name], small_processor(name))
    batch = supervised_inputs(encoder.training_batch(list(open_dataset(Path(data)))[:4]))
    torch.manual_seed(0)
    lora = LoraConfig(r=8, init_lora_weights=False, target_modules=encoder.family.targets(("q_proj", "v_proj")))
    model: Any = get_peft_model(base, lora).train()
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    import_module("trl.trainer.utils").add_fused_lm_head(base)
    SupervisedPositions(base).install()
    loss, gradients, _ = step(model, batch)
    plugin = FullyShardedDataParallelPlugin(fsdp_version=2, auto_wrap_policy="TRANSFORMER_BASED_WRAP")
    plugin.set_mixed_precision("bf16")
    prepare_sharding(plugin, base)
    state: Any = SimpleNamespace(fsdp_plugin=plugin)
    here: Any = SimpleNamespace(state=state, mixed_precision="bf16", is_main_process=True, device=torch.device("cpu"))
    sharded, found, dtype = step(fsdp2_prepare_model(here, model), batch)
    apart = {name: float((found[name] - each).norm() / each.norm()) for name, each in gradients.items()}
    wrapped = sorted(plugin.transformer_cls_names_to_wrap)
    print(
        json.dumps({"losses": [loss, sharded], "dtype": str(dtype), "apart": max(apart.values()), "wrapped": wrapped})
    )
    destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
