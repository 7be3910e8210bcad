"""The command line that runs lmms-eval."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.studies.benchmarks import harness
from pgt_lora.studies.benchmarks.subject import Subject
from tests.support.discovered import FAMILIES
from tests.support.recorded_logs import QWEN


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    return Subject(tmp_path / "checkpoint", FAMILIES["qwen2_5_vl"], QWEN, False)


def words_of(subject: Subject, limits: dict[str, int] | None = None, **fields: Any) -> str:
    settings = harness.HarnessSettings(**fields)
    return " ".join(
        harness.command("python", subject, settings, ["pope", "pgt_vsr"], limits or {}, Path("tasks"), Path("out"))
    )


def test_the_command_line_says_everything(subject: Subject) -> None:
    path = subject.directory
    said = words_of(subject, {"min_pixels": 3136, "max_pixels": 200704}, processes=1, batch_size=8, limit=10)
    assert said.startswith("python -m pgt_lora.studies.benchmarks.entry --model qwen2_5_vl --model_args ")
    assert (
        f"--model_args pretrained={path},min_pixels=3136,max_pixels=200704,device_map=auto --tasks pope,pgt_vsr" in said
    )
    assert "--gen_kwargs temperature=0,do_sample=False,repetition_penalty=1.0 --batch_size 8 --limit 10" in said
    assert "--include_path tasks" in said and "--log_samples --output_path out" in said
    on_cpu = words_of(subject)
    assert "device=cpu,device_map=cpu" in on_cpu
    assert "--limit" not in on_cpu


def test_several_gpus_are_accelerates(subject: Subject) -> None:
    said = words_of(subject, processes=4)
    assert "accelerate.commands.launch --config_file" in said
    assert "--num_processes 4 -m pgt_lora.studies.benchmarks.entry" in said
    assert "device" not in said.partition("--model_args ")[2].partition(" ")[0]
    vllm = words_of(subject, processes=4, backend="vllm", batch_size=64)
    assert vllm.startswith("python -m pgt_lora.studies.benchmarks.entry --model vllm --model_args model=")
    assert "tensor_parallel_size=4" in vllm


def test_what_cannot_be_run_is_refused(subject: Subject, tmp_path: Path) -> None:
    for name in ("internvl3", "llava_next"):
        with pytest.raises(InputError, match="one question at a time"):
            harness.check(harness.HarnessSettings(batch_size=2), FAMILIES[name])
        harness.check(harness.HarnessSettings(batch_size=2, backend="vllm"), FAMILIES[name])
    with pytest.raises(InputError, match="takes no path"):
        words_of(replace(subject, directory=tmp_path / "a,b"))
    for settings, says in (
        (harness.HarnessSettings(backend="sglang"), "known: hf, vllm"),
        (harness.HarnessSettings(limit=0), "--limit 0"),
        (harness.HarnessSettings(batch_size=0), "--batch-size 0"),
        (harness.HarnessSettings(hub_copies=tmp_path / "none"), "no such directory"),
    ):
        with pytest.raises(InputError, match=says):
            harness.check(settings, FAMILIES["qwen2_5_vl"])
