"""Adapters and bases that were not made here: any modules, ranks and alphas, extra tensors, other files."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from pgt_lora.core.errors import InputError
from pgt_lora.export.adapter import updates_by_key
from pgt_lora.export.merge import merge, write_merged
from pgt_lora.export.verify import verify
from pgt_lora.export.verify_weights import check_keys, check_weights
from pgt_lora.models.checkpoint import Checkpoint, load_model
from tests.support.adapters import QKV, write_adapter
from tests.support.discovered import FAMILIES, save_small
from tests.support.verification import verified_here

REST = ("bfloat16", "float32")
QUERY = "model.layers.1.self_attn.q_proj.weight"
TEXT = r".*language_model\.layers\.\d+\."
ELSEWHERE: dict[str, dict[str, Any]] = {
    "all of the attention": {"target_modules": TEXT + r"self_attn\.[qkvo]_proj"},
    "q and v": {"target_modules": TEXT + r"self_attn\.[qv]_proj"},
    "the MLP, by rsLoRA": {"target_modules": TEXT + r"mlp\.\w+_proj", "r": 3, "use_rslora": True},
    "every linear module": {"target_modules": "all-linear"},
    "ranks and alphas by module": {
        "target_modules": ["q_proj", "v_proj", "up_proj"], "r": 2, "lora_alpha": 5,
        "rank_pattern": {"q_proj": 6, r"language_model.layers.1.self_attn.v_proj": 3}, "alpha_pattern": {"up_proj": 11},
    },
}  # fmt: skip


def merged_from(base: Path, adapter: Path, out: Path) -> Path:
    with verified_here():
        merge(Checkpoint(str(base), adapter), out)
    assert json.loads((out / "verification.json").read_text())["passed"] is True
    return out


@pytest.mark.parametrize(
    "lora",
    [
        pytest.param(lora, id=name, marks=[] if "by module" in name else pytest.mark.slow)
        for name, lora in ELSEWHERE.items()
    ],
)
def test_an_adapter_is_merged_and_verified_by_its_own_keys(
    lora: Mapping[str, Any], base_dir: Path, tmp_path: Path
) -> None:
    adapter = write_adapter(base_dir, tmp_path / "adapter", **lora)
    merged = merged_from(base_dir, adapter, tmp_path / "merged")
    weights, old = load_file(merged / "model.safetensors"), load_file(base_dir / "model.safetensors")
    changed = [key for key in old if not torch.equal(weights[key], old[key])]
    assert len(changed) == len(load_file(adapter / "adapter_model.safetensors")) / 2
    # One tensor as it was in the base: found, whichever it is.
    save_file(weights | {changed[-1]: old[changed[-1]]}, merged / "model.safetensors", metadata={"format": "pt"})
    assert [check.name for check in verify(merged, Checkpoint(str(base_dir), adapter)) if not check.passed] == [
        "weights are W + (α/r)·BA"
    ]


@pytest.mark.parametrize(
    ("lora", "words"),
    [
        ({"use_dora": True}, "use_dora"),
        ({"bias": "lora_only"}, "bias"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"init_lora_weights": "pissa"}, "changes the base"),
        ({"target_modules": "lm_head"}, "lm_head"),
        ({"target_modules": ["embed_tokens"]}, "only pairs of LoRA matrices"),
        ({"target_modules": r".*patch_embed\.proj"}, "only pairs of LoRA matrices"),
    ],
)
def test_what_cannot_be_verified_is_refused_before_merging(
    lora: Mapping[str, Any], words: str, base_dir: Path, tmp_path: Path
) -> None:
    adapter = write_adapter(base_dir, tmp_path / "adapter", **lora)
    with pytest.raises(InputError, match=words) as refused:
        merge(Checkpoint(str(base_dir), adapter), tmp_path / "merged")
    assert "\n" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


def test_a_rank_that_the_configuration_does_not_say_is_refused(base_dir: Path, tmp_path: Path) -> None:
    adapter = write_adapter(base_dir, tmp_path / "adapter")
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps(config | {"r": 8}))
    with pytest.raises(InputError, match=r"has rank 4, but .* says 8"):
        merge(Checkpoint(str(base_dir), adapter), tmp_path / "merged")
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    base = with_tensors(base_dir, tmp_path / "base", lambda weights: weights.pop(QUERY))
    with pytest.raises(InputError, match="was it trained on another base"):
        merge(Checkpoint(str(base), adapter), tmp_path / "merged")


def with_tensors(base: Path, out: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> Path:
    shutil.copytree(base, out)
    weights = {key: tensor.clone() for key, tensor in load_file(base / "model.safetensors").items()}
    change(weights)
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    return out


def test_tensors_that_the_model_has_no_use_for_are_copied(base_dir: Path, tmp_path: Path) -> None:
    def add(weights: dict[str, torch.Tensor]) -> None:
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone()
        weights["visual.embeddings.position_ids"] = torch.arange(7)[None]

    base = with_tensors(base_dir, tmp_path / "base", add)
    assert json.loads((base / "config.json").read_text())["tie_word_embeddings"]
    merged = merged_from(base, write_adapter(base, tmp_path / "adapter"), tmp_path / "merged")
    assert load_file(merged / "model.safetensors").keys() == load_file(base / "model.safetensors").keys()


@pytest.mark.parametrize("shards", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_torch_files_are_read_and_safetensors_written(shards: int, base_dir: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(base_dir, base)
    weights = load_file(base / "model.safetensors")
    (base / "model.safetensors").unlink()
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"]  # one storage under two keys
    names = [f"pytorch_model-{n:05}-of-{shards:05}.bin" for n in range(1, shards + 1)]
    if shards == 1:
        names = ["pytorch_model.bin"]
    of = {key: names[n % shards] for n, key in enumerate(weights)}
    for name in names:
        torch.save({key: tensor for key, tensor in weights.items() if of[key] == name}, base / name)
    if shards > 1:
        (base / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": of}))
    adapter = write_adapter(base, tmp_path / "adapter", safe=False)
    merged = merged_from(base, adapter, tmp_path / "merged")
    assert not list(merged.glob("*.bin*"))
    assert len(list(merged.glob("*.safetensors"))) == shards
    assert load_model(str(merged)).config.tie_word_embeddings


@pytest.mark.parametrize("dtype", ["float16", *(pytest.param(each, marks=pytest.mark.slow) for each in REST)])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_in_every_type_with_values_down_to_zero(family: str, dtype: str, tmp_path: Path) -> None:
    base = save_small(tmp_path / "base", family, dtype=getattr(torch, dtype))
    weights = load_file(base / "model.safetensors")
    for key, tensor in weights.items():
        if key.endswith("_proj.weight"):
            tensor[: len(tensor) // 2] *= 10 ** -torch.linspace(0, 8, len(tensor) // 2, dtype=torch.float64)[:, None]
    save_file({k: t.contiguous() for k, t in weights.items()}, base / "model.safetensors", metadata={"format": "pt"})
    adapter = write_adapter(base, tmp_path / "adapter", size=0.003, target_modules=QKV)
    (tmp_path / "merged").mkdir()
    write_merged(base, updates_by_key(base, adapter), tmp_path / "merged")
    assert check_keys(base, tmp_path / "merged").passed
    assert check_weights(base, adapter, tmp_path / "merged").passed


def test_what_is_too_large_for_its_type_is_refused(base_dir: Path, tmp_path: Path) -> None:
    adapter = write_adapter(base_dir, tmp_path / "adapter", size=300.0)
    with pytest.raises(InputError, match=r"too large for torch\.float16"):
        merge(Checkpoint(str(base_dir), adapter), tmp_path / "merged", dtype="float16")
    assert not (tmp_path / "merged").exists()
