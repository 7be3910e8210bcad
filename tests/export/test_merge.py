"""A merged model, and its verification."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pgt_lora.core.errors import InputError
from pgt_lora.export.merge import merge
from pgt_lora.export.verify import verify, verify_and_report
from pgt_lora.models.checkpoint import load_adapter, load_model, load_processor
from tests.support.checkpoints import checkpoint
from tests.support.discovered import EACH_CASE, save_small
from tests.support.faults import FAULTS
from tests.support.runs import run_on
from tests.support.verification import verified_here

SEED = 1
QUERY = "model.layers.1.self_attn.q_proj.weight"


def test_the_merged_model_is_verified_in_a_fresh_process(merged: Path) -> None:
    report = json.loads((merged / "verification.json").read_text())
    assert report["passed"] is True
    assert len(report["checks"]) == 5
    assert all(check["passed"] and any(c.isdigit() for c in check["figures"]) for check in report["checks"])


def test_the_merged_model_differs_from_the_base_where_it_should(base_dir: Path, merged: Path) -> None:
    base, new = load_file(base_dir / "model.safetensors"), load_file(merged / "model.safetensors")
    changed = {key for key in base if not torch.equal(base[key], new[key])}
    layers = json.loads((base_dir / "config.json").read_text())["text_config"]["num_hidden_layers"]
    expected = {f"model.layers.{layer}.self_attn.{kind}_proj.weight" for layer in range(layers) for kind in "qkv"}
    assert changed == expected
    assert load_processor(str(merged)).chat_template == load_processor(str(base_dir)).chat_template
    for name in ("config.json", "generation_config.json", "chat_template.jinja", "tokenizer.json"):
        assert (merged / name).read_bytes() == (base_dir / name).read_bytes()


def test_bf16_is_rounded_once(base_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    load_model(str(base_dir)).to(torch.bfloat16).save_pretrained(base)
    load_processor(str(base_dir)).save_pretrained(base)
    run = run_on(base, data_dir, tmp_path / "run")
    with verified_here():
        merge(checkpoint(run), run / "merged")
    assert load_file(run / "merged" / "model.safetensors")[QUERY].dtype == torch.bfloat16
    # Rounded twice, the update first and the sum again, some elements are further off: the check must see it.
    twice = load_adapter(load_model(str(base), dtype="auto"), run / "adapter").merge_and_unload(safe_merge=True)
    twice.save_pretrained(run / "merged")
    (run / "merged" / "config.json").write_bytes((base / "config.json").read_bytes())
    failed = [check.name for check in verify(run / "merged", checkpoint(run)) if not check.passed]
    assert failed == ["weights are W + (α/r)·BA"]


def test_the_base_is_cast_first_where_another_type_is_asked_for(base_dir: Path, run: Path, tmp_path: Path) -> None:
    with verified_here():
        merge(checkpoint(run), tmp_path / "merged", dtype="bfloat16")
    proof = json.loads((tmp_path / "merged" / "verification.json").read_text())
    assert proof["passed"]
    assert "cast to bfloat16" in str(proof["checks"])
    assert load_model(str(tmp_path / "merged"), dtype="auto").dtype == torch.bfloat16
    before, after = (json.loads((each / "config.json").read_text()) for each in (base_dir, tmp_path / "merged"))
    assert {name for name in before | after if before.get(name) != after.get(name)} == {"dtype"}
    # Without being asked for, the type is a fault; so is any other field of the configuration.
    assert not verify_and_report(tmp_path / "merged", checkpoint(run))
    assert verify_and_report(tmp_path / "merged", checkpoint(run), "bfloat16")
    (tmp_path / "merged" / "config.json").write_text(json.dumps(after | {"pad_token_id": 0}))
    assert not verify_and_report(tmp_path / "merged", checkpoint(run), "bfloat16")
    with pytest.raises(InputError, match="known: bfloat16, float16, float32"):
        merge(checkpoint(run), tmp_path / "other", dtype="int8")


@pytest.mark.slow
def test_a_base_from_the_hub_is_pinned_to_its_commit(base_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    cached = tmp_path / "hub" / "models--me--base"
    shutil.copytree(base_dir, cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit)
    words = [
        "finetune", "tiny-qwen2.5-vl", "--data", str(data_dir), "--out", str(tmp_path / "run"), "--max_steps", "2",
        "--model_name_or_path", "me/base", "--global_batch_size", "8", "--per_device_train_batch_size", "8",
    ]  # fmt: skip
    env = os.environ | {"HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
    subprocess.run([sys.executable, "-m", "pgt_lora", *words], env=env, check=True)
    assert checkpoint(tmp_path / "run").base == "me/base"
    assert checkpoint(tmp_path / "run").revision == commit


@pytest.mark.parametrize(("family", "form"), EACH_CASE)
def test_every_family_is_merged_and_faults_caught_in_bf16(
    family: str, form: str | None, data_dir: Path, tmp_path: Path
) -> None:
    # With some random weights two tokens are nearly as likely, and rounding to bf16 decides; with these, none are.
    base = save_small(tmp_path / "base", family, form, dtype=torch.bfloat16, seed=SEED)
    run = run_on(base, data_dir, tmp_path / "run", family)
    with verified_here():
        merge(checkpoint(run), run / "merged")
    assert json.loads((run / "merged" / "verification.json").read_text())["passed"]
    for name, (fault, check) in FAULTS.items():
        copy = tmp_path / name
        shutil.copytree(run / "merged", copy)
        fault(copy, base)
        failed = [each.name for each in verify(copy, checkpoint(run)) if not each.passed]
        assert any(each.startswith(check) for each in failed), name


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name: str, base_dir: Path, run: Path, merged: Path, tmp_path: Path) -> None:
    copy = tmp_path / "merged"
    shutil.copytree(merged, copy)
    fault, check = FAULTS[name]
    fault(copy, base_dir)
    assert not verify_and_report(copy, checkpoint(run))
    report = json.loads((copy / "verification.json").read_text())
    assert not report["passed"]
    assert any(each["name"].startswith(check) and not each["passed"] for each in report["checks"])


def test_an_adapter_that_does_something_else_is_caught(run: Path, merged: Path, tmp_path: Path) -> None:
    other = tmp_path / "adapter"
    shutil.copytree(run / "adapter", other)
    weights = load_file(other / "adapter_model.safetensors")
    save_file({key: 3 * tensor for key, tensor in weights.items()}, other / "adapter_model.safetensors")
    assert not all(check.passed for check in verify(merged, checkpoint(other)))


def test_merging_needs_an_adapter_and_a_new_directory(base_dir: Path, run: Path, merged: Path) -> None:
    with pytest.raises(InputError, match="no LoRA adapter"):
        merge(checkpoint(base_dir), base_dir / "merged")
    before = (merged / "model.safetensors").read_bytes()
    with pytest.raises(InputError, match="exists"):
        merge(checkpoint(run), merged)
    assert (merged / "model.safetensors").read_bytes() == before
