"""The model that is scored."""

import json
import shutil
from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.core.workspace import SHIPPED
from pgt_lora.export.record import fingerprints
from pgt_lora.models.checkpoint import Checkpoint, family_of
from pgt_lora.studies.benchmarks import subject as subject_module
from pgt_lora.studies.benchmarks.catalog import BENCHMARKS
from pgt_lora.studies.benchmarks.plan import check_vsr_family
from pgt_lora.studies.benchmarks.subject import (
    Subject,
    differences,
    identity,
    image_limits,
    is_merged,
    opened,
    resolve_subject,
)
from tests.support.checkpoints import checkpoint
from tests.support.discovered import FAMILIES, small_model, small_processor


@pytest.mark.parametrize(
    ("model", "limits"),
    [
        ("tiny-qwen2.5-vl", {"min_pixels": 3136, "max_pixels": 200704}),
        ("tiny-internvl3", {"min_patches": 1, "max_patches": 12}),
    ],
)
def test_image_limits_are_the_processors_and_differences_are_told(model: str, limits: dict[str, int]) -> None:
    directory = SHIPPED / "data" / model
    assert image_limits(directory) == limits
    subject = Subject(directory, family_of(str(directory)), "base", False)
    told = " ".join(differences(subject, "hf"))
    assert "it computes in bfloat16, while the checkpoint is float32" in told
    assert ("multiples of 28 pixels" in told) == ("qwen" in model)
    assert differences(subject, "vllm") == []


def test_a_special_token_that_is_doubled_or_missing_is_told(tmp_path: Path) -> None:
    processor = small_processor("llava_next")
    small_model("llava_next").config.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    subject = Subject(tmp_path, FAMILIES["llava_next"], "base", False)
    assert image_limits(tmp_path) == {}
    assert differences(subject, "hf") == []
    assert differences(subject, "vllm") == ["its prompts have -1 special token(s)"]
    processor.chat_template = "{{ bos_token }}" + processor.chat_template
    processor.save_pretrained(tmp_path)
    assert differences(subject, "hf") == ["its prompts have +1 special token(s)"]
    assert differences(subject, "vllm") == []


def test_of_a_checkpoints_own_generation_config_the_tokens_alone_count(base_dir: Path, tmp_path: Path) -> None:
    copy = tmp_path / "base"
    shutil.copytree(base_dir, copy)
    config = json.loads((copy / "generation_config.json").read_text())
    hostile = {"no_repeat_ngram_size": 2, "suppress_tokens": [5]}
    own_config = config | hostile | {"repetition_penalty": 1.05, "temperature": 0.1, "do_sample": True}
    (copy / "generation_config.json").write_text(json.dumps(own_config))
    with opened(checkpoint(copy), tmp_path / "beside") as found:
        seen = json.loads((found.directory / "generation_config.json").read_text())
        tokens = {name: value for name, value in config.items() if name.endswith("_token_id")}
        assert tokens and seen == tokens | {"do_sample": False}
        assert {path.name for path in found.directory.iterdir()} == {path.name for path in copy.iterdir()}
        assert (found.base, found.tuned, found.family.name) == (str(copy), False, "qwen2_5_vl")
    assert list((tmp_path / "beside").iterdir()) == []
    assert json.loads((copy / "generation_config.json").read_text()) == own_config
    (copy / "generation_config.json").write_text("{")
    with pytest.raises(InputError) as refused, opened(checkpoint(copy), tmp_path / "beside"):
        pass
    assert str(refused.value).count("generation_config.json") == 1


def test_an_adapter_is_merged_where_it_is_not_merged_yet(
    base_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, merges = tmp_path / "run", []

    def merge(found: Checkpoint, out: Path) -> None:  # the real one is tested where lmms-eval is
        merges.append(found.adapter_dir)
        shutil.copytree(base_dir, out)

    monkeypatch.setattr(subject_module, "merge", merge)
    (run / "adapter").mkdir(parents=True)
    (run / "adapter" / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base_dir)}))
    with opened(checkpoint(run), tmp_path / "beside") as found:
        assert (found.base, found.tuned) == (str(base_dir), True)
        assert (found.directory / "model.safetensors").is_file()
    assert list((tmp_path / "beside").iterdir()) == []
    assert merges == [run / "adapter"]
    shutil.copytree(base_dir, run / "merged")
    proof = {"passed": True, "sha256": {name: fingerprints(run / name) for name in ("adapter", "merged")}}
    (run / "merged" / "verification.json").write_text(json.dumps(proof))
    for name in (run, run / "merged"):
        with opened(resolve_subject(str(name)).checkpoint, tmp_path / "beside") as found:
            assert (found.directory / "model.safetensors").resolve() == run / "merged" / "model.safetensors"
            assert (found.base, found.tuned) == (str(base_dir), True)
    assert len(merges) == 1
    trained_on = {"data": {"sources": {"vsr": {"family": "zeroshot"}, "pgt": {}}}}
    (run / "adapter" / "run.json").write_text(json.dumps(trained_on))
    check_vsr_family(resolve_subject(str(run)), {"vsr": BENCHMARKS["vsr"]}, "zeroshot")
    check_vsr_family(resolve_subject(str(run)), {"pope": BENCHMARKS["pope"]}, "random")
    with pytest.raises(InputError, match="pass --vsr-split zeroshot"):
        check_vsr_family(resolve_subject(str(run)), {"vsr": BENCHMARKS["vsr"]}, "random")
    before = identity(checkpoint(run))
    (run / "adapter" / "adapter_model.safetensors").write_bytes(b"trained again")
    assert not is_merged(run / "adapter")
    assert identity(checkpoint(run)) != before
