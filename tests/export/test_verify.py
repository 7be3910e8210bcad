"""Verification as a stage: repeated where it is missing or failed, and no crash of it is a failed check."""

import errno
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from pgt_lora.core.errors import InputError
from pgt_lora.core.terminal import print_anything
from pgt_lora.data.directory import open_dataset
from pgt_lora.evaluation.evaluate import load_for_evaluation, prediction
from pgt_lora.evaluation.score_files import read_facts, write_scores
from pgt_lora.evaluation.scoring import score_by_task
from pgt_lora.export import verify as verify_module
from pgt_lora.export.behavior import Behavior, check_behavior, check_scores
from pgt_lora.export.merge import cast_to, merge, verify_in_fresh_process
from pgt_lora.export.push import check_proven
from pgt_lora.export.rounding import Rounding
from pgt_lora.export.verify import check_files
from pgt_lora.export.verify_weights import Subject
from pgt_lora.models.names import resolve
from pgt_lora.studies.before_after.run import run
from tests.support.checkpoints import checkpoint
from tests.support.verification import verified_here


@pytest.fixture
def copy(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a finished run, in a project directory of its own."""
    shutil.copytree(finished.parent, tmp_path / "root", dirs_exist_ok=True)
    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path / "root"))
    return tmp_path / "root" / "run"


def again(out: Path, data: Path) -> None:
    words = [
        "--per_device_train_batch_size", "8", "--global_batch_size", "8",
        "--num_test_samples", "10", "--skills", "false", "--max_steps", "2",
    ]  # fmt: skip
    with verified_here():
        run(resolve("tiny-qwen2.5-vl", words).recipe, data, out)


def test_a_run_that_was_killed_in_its_verification_is_finished(copy: Path, data_dir: Path) -> None:
    before = json.loads((copy / "merged" / "verification.json").read_text())
    weights = (copy / "merged" / "model.safetensors").stat().st_mtime_ns
    (copy / "merged" / "verification.json").unlink()
    (copy / "merged" / ".verification.json.partial-17").write_text("{")
    again(copy, data_dir)
    assert json.loads((copy / "merged" / "verification.json").read_text()) == before
    assert (copy / "merged" / "model.safetensors").stat().st_mtime_ns == weights
    assert not (copy / "merged" / ".verification.json.partial-17").exists()


def test_a_failed_verification_is_never_passed_over(copy: Path, data_dir: Path) -> None:
    record = copy / "merged" / "verification.json"
    found = json.loads(record.read_text())
    record.write_text(json.dumps(found | {"passed": False}))
    again(copy, data_dir)  # it failed then, and passes now
    assert json.loads(record.read_text())["passed"] is True
    (copy / "merged" / "modeling_x.py").write_text("pass")
    record.write_text(json.dumps(found | {"passed": False}))
    for _ in range(2):
        with pytest.raises(InputError, match="failed its verification"):
            again(copy, data_dir)


def test_a_verification_that_breaks_off_is_no_failed_check(
    run: Path, merged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(merged, tmp_path / "merged")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "sitecustomize.py").write_text("import os, sys\nsys.orig_argv[1:2] == ['-m'] and os._exit(1)\n")
    with pytest.raises(InputError, match="ended with status 1 before it had a result"):
        verify_in_fresh_process(tmp_path / "merged", run / "adapter")
    assert not (tmp_path / "merged" / "verification.json").exists()
    with pytest.raises(InputError, match=r"Repeat it with: .* --dtype float16$"):
        verify_in_fresh_process(tmp_path / "merged", run / "adapter", "float16")


@pytest.mark.slow
def test_a_run_whose_base_was_cast_is_verified_again_as_it_was_cast(copy: Path, data_dir: Path) -> None:
    record = copy / "merged" / "verification.json"
    with verified_here():
        merge(checkpoint(copy), copy / "merged", overwrite=True, dtype="bfloat16")
    assert json.loads(record.read_text())["dtype"] == "bfloat16"
    assert cast_to(copy / "merged", checkpoint(copy)) == "bfloat16"
    record.unlink()  # as where it was killed, so that the configuration alone tells
    again(copy, data_dir)
    assert json.loads(record.read_text())["passed"] is True
    record.write_text(record.read_text().replace("finetuned/", "other/"))
    with pytest.raises(InputError, match=r"verify again with: pgt-lora verify .* --dtype bfloat16$"):
        check_proven(copy)


def test_a_terminal_of_another_encoding_shows_what_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="cp1252", write_through=True))
    print_anything()
    Console(force_terminal=False).print("W + (α/r)·BA ┃ passed")
    assert "passed" in shown.getvalue().decode("cp1252")


@pytest.mark.slow
def test_a_terminal_of_another_encoding_changes_no_outcome(run: Path, merged: Path) -> None:
    words = [sys.executable, "-m", "pgt_lora", "verify", str(merged), "--run", str(run)]
    environment = os.environ | {"PYTHONIOENCODING": "cp1252"}
    done = subprocess.run(words, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"Verification of" in done.stdout


def test_checks_are_shown_where_nothing_can_be_written(
    run: Path, merged: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: Path, value: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(verify_module, "write_json", refuse)
    with pytest.raises(OSError, match="Read-only"):
        verify_module.verify_and_report(merged, checkpoint(run))
    assert "Verification of" in capsys.readouterr().out


def test_a_merged_model_in_a_bin_file_is_a_fault_and_no_crash(run: Path, merged: Path, tmp_path: Path) -> None:
    shutil.copytree(merged, tmp_path / "merged")
    weights = tmp_path / "merged" / "model.safetensors"
    torch.save(load_file(weights), weights.with_name("pytorch_model.bin"))
    weights.unlink()
    failed = [check.name for check in verify_module.verify(tmp_path / "merged", checkpoint(run)) if not check.passed]
    assert failed == [Subject.FILES]


@pytest.mark.parametrize(
    "name", ["modeling_x.py", "pytorch_model.bin", "model-00001-of-00002.safetensors", "README.md"]
)
def test_a_file_that_the_base_has_not_is_a_fault(name: str, base_dir: Path, merged: Path, tmp_path: Path) -> None:
    shutil.copytree(merged, tmp_path / "merged")
    assert check_files(base_dir, tmp_path / "merged").passed
    (tmp_path / "merged" / name).write_bytes(b"x")
    check = check_files(base_dir, tmp_path / "merged")
    assert not check.passed
    assert name in check.figures


def steps(*rows: list[float]) -> torch.Tensor:
    return torch.tensor(rows)[:, None]


def test_answers_may_differ_only_where_rounding_decided() -> None:
    logits = torch.tensor([[10.0, 0.0, -10.0]])
    before = Behavior(logits, ["a"], steps([10, 0, 0], [5.0, 4.9, 0]))
    near = Behavior(logits + 0.1, ["b"], steps([10, 0, 0], [4.9, 5.0, 0]))
    far = Behavior(logits + 0.1, ["b"], steps([10, 0, 0], [1.0, 5.0, 0]))
    base = logits - 1

    def passed(after: Behavior, dtype: torch.dtype, leeway: Rounding) -> list[bool]:
        return [check.passed for check in check_behavior(before, after, dtype, leeway, base)]

    least = Rounding(0, 0)
    assert passed(near, torch.bfloat16, least) == [True, True]
    assert passed(near, torch.float16, least) == [False, False]
    assert passed(far, torch.bfloat16, least) == [True, False]
    assert passed(near, torch.float16, Rounding(logits=6, margins=0)) == [True, False]
    assert passed(far, torch.bfloat16, Rounding(logits=0, margins=60)) == [True, True]


def test_a_check_that_rounding_blinds_says_so() -> None:
    logits = torch.tensor([[10.0, 0.0, -10.0]])
    same = Behavior(logits, ["a"], steps([10, 0, 0]))
    seeing, blind = (
        check_behavior(same, same, torch.bfloat16, Rounding(0, 0), logits - effect)[0].figures for effect in (1, 0.1)
    )
    assert seeing.endswith("the adapter moves them by up to 1.0e+00")
    assert blind.endswith("1.0e-01, so this check cannot tell it from the base")


def test_a_score_may_change_only_where_rounding_decided(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "run")
    scores = tmp_path / "run" / "finetuned" / "pgt"
    model, encoder = load_for_evaluation(checkpoint(tmp_path / "run" / "merged"))
    said = [json.loads(line) for line in (scores / "predictions.jsonl").read_text().splitlines()]
    data = json.loads((scores / "scores.json").read_text())["data"]
    row = next(index for index, each in enumerate(open_dataset(Path(data))) if each["choices"])
    other = next(word for word in open_dataset(Path(data))[row]["choices"] if word != said[row]["output"])
    said[row] |= {"output": other, "correct": not said[row]["correct"]}
    (scores / "predictions.jsonl").write_text("\n".join(map(json.dumps, said)))
    assert not check_scores([scores], model, encoder, Rounding(0, 0)).passed
    with torch.no_grad():
        model.lm_head.weight.zero_()  # every token is as likely as every other
    rows = open_dataset(Path(data))
    said = [prediction(row, row["answer"]) for row in rows]
    facts = {name: value for name, value in read_facts(scores).items() if name != "tasks"}
    write_scores(scores, said, score_by_task(rows, said), facts)
    assert all(each["correct"] for each in said)
    assert check_scores([scores], model, encoder, Rounding(0, 0)).passed


def test_weights_have_the_mode_of_other_files(run: Path, merged: Path) -> None:
    for weights, other in (("adapter_model.safetensors", "recipe.yaml"), ("model.safetensors", "config.json")):
        directory = run / "adapter" if "adapter" in weights else merged
        assert (directory / weights).stat().st_mode == (directory / other).stat().st_mode


@pytest.mark.slow
def test_the_fresh_process_hides_what_bitsandbytes_says_while_it_is_imported(run: Path, merged: Path) -> None:
    words = [sys.executable, "-m", "pgt_lora.export", str(merged), str(run / "adapter")]
    done = subprocess.run(words, capture_output=True, check=True, encoding="utf-8")
    assert "Verification of" in done.stdout
    assert "pip install" not in done.stdout + done.stderr
