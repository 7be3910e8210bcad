"""Published configurations, processors and layouts of weights, small in size: from `check` to a verified merge."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForImageTextToText, AutoTokenizer

from pgt_lora.data.preview import write_preview
from pgt_lora.evaluation.evaluate import load_encoder
from pgt_lora.export.merge import merge
from pgt_lora.models.audit import audit_row
from pgt_lora.models.checkpoint import Checkpoint
from pgt_lora.models.names import resolve
from pgt_lora.models.weight_files import read_tensors, weight_files
from pgt_lora.training.dry_run.check import check
from pgt_lora.training.finetune import finetune
from tests.support.checkpoints import checkpoint
from tests.support.verification import verified_here

QWEN = "qwen2.5-vl-7b-instruct"  # the other folders of Qwen's vocabulary lack its files
FOLDERS = {  # the family, and what its published keys look like
    "internvl3-1b-hf": ("internvl3", r"language_model\.(model|lm_head)\.|vision_tower\.|multi_modal_projector\."),
    "llava-next-mistral": (
        "llava_next",
        r"language_model\.(model|lm_head)\.|vision_tower\.vision_model\.|multi_modal_projector\.|image_newline$",
    ),
    "llava-next-vicuna": (
        "llava_next",
        r"language_model\.(model|lm_head)\.|vision_tower\.vision_model\.|multi_modal_projector\.|image_newline$",
    ),
    "qwen2.5-vl-3b-instruct": ("qwen2_5_vl", r"model\.(layers|embed_tokens|norm)\b|visual\.|lm_head\."),
    QWEN: ("qwen2_5_vl", r"model\.(layers|embed_tokens|norm)\b|visual\.|lm_head\."),
}
TEXT = {
    "hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 2, "num_key_value_heads": 1,
    "num_hidden_layers": 2, "max_window_layers": 2,
}  # fmt: skip
VISION = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 2}
QWEN_VISION = {"depth": 2, "hidden_size": 64, "intermediate_size": 96, "num_heads": 2, "out_hidden_size": 64}


def shrunk(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with every field that it has, and small sizes."""
    if "text_config" in config:
        vision = config["vision_config"] | VISION
        return config | {"text_config": config["text_config"] | TEXT, "vision_config": vision}
    rope = config["rope_scaling"] | {"mrope_section": [4, 6, 6]}
    vision = config["vision_config"] | QWEN_VISION | {"fullatt_block_indexes": [1]}
    return config | TEXT | {"rope_scaling": rope, "vision_config": vision}


def small_checkpoint(source: Path, out: Path, layout: str) -> Path:
    """A checkpoint of several files with a published one's own small files, and random weights under its keys."""
    out.mkdir()
    for folder in {source.parent / QWEN, source} if source.name.startswith("qwen") else {source}:
        for path in folder.iterdir():
            if path.name != "model.safetensors.index.json":
                shutil.copyfile(path, out / path.name)
    if source.name.startswith("internvl"):
        for name in ("vocab.json", "merges.txt"):
            shutil.copyfile(source.parent / QWEN / name, out / name)
        AutoTokenizer.from_pretrained(out)
    config = shrunk(json.loads((source / "config.json").read_text()))
    (out / "config.json").write_text(json.dumps(config, indent=2))
    torch.manual_seed(0)
    model = AutoModelForImageTextToText.from_config(AutoConfig.from_pretrained(out))
    model.to(getattr(torch, config["torch_dtype"])).save_pretrained(out / "weights", max_shard_size="8MB")
    for path in (out / "weights").glob("*.safetensors*"):
        path.rename(out / path.name)
    shutil.rmtree(out / "weights")
    if source.name.startswith("llava"):
        published_keys(out)
    keys = {key for path in weight_files(out) for key, _ in read_tensors(path)}
    assert not [key for key in keys if not re.match(layout, key)]
    return out


def published_keys(directory: Path) -> None:
    """Give a LLaVA-NeXT's vision tower the keys of the published files, which Transformers no longer writes."""

    def renamed(key: str) -> str:
        return key.replace("vision_tower.", "vision_tower.vision_model.")

    for path in directory.glob("*.safetensors"):
        save_file({renamed(key): t.clone() for key, t in read_tensors(path)}, path, metadata={"format": "pt"})
    index = directory / "model.safetensors.index.json"
    if index.exists():
        where = json.loads(index.read_text())["weight_map"]
        index.write_text(json.dumps({"metadata": {}, "weight_map": {renamed(key): where[key] for key in where}}))


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS)
def test_a_published_layout_goes_the_whole_way(folder: str, realdata: Path, data_dir: Path, tmp_path: Path) -> None:
    family, layout = FOLDERS[folder]
    base = small_checkpoint(realdata / "checkpoints" / folder, tmp_path / "base", layout)
    dtype = json.loads((base / "config.json").read_text())["torch_dtype"]
    words = [
        "--model_name_or_path", str(base), "--model_family", family, "--dtype", dtype, "--max_steps", "2",
        "--global_batch_size", "4", "--per_device_train_batch_size", "2", "--learning_rate", "0.01",
    ]  # fmt: skip
    recipe = resolve("tiny-qwen2.5-vl", words).recipe
    assert not check(recipe, data_dir).problems
    encoder = load_encoder(Checkpoint(str(base)))
    write_preview(data_dir, tmp_path / "page.html", 2, lambda row: audit_row(encoder, row))
    finetune(recipe, data_dir, tmp_path / "run")
    with verified_here():
        merge(checkpoint(tmp_path / "run"), tmp_path / "run" / "merged")
    record = json.loads((tmp_path / "run" / "merged" / "verification.json").read_text())
    assert record["passed"], record["checks"]
    stored = {tensor.dtype for path in weight_files(tmp_path / "run" / "merged") for _, tensor in read_tensors(path)}
    assert stored == {getattr(torch, dtype)}
