import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from pgt_lora import bench as bench_module
from pgt_lora import run as run_module
from pgt_lora.bench import bench, check_losses
from pgt_lora.bench_run import Measured, stock_trainer
from pgt_lora.dataset import open_dataset
from pgt_lora.errors import InputError
from pgt_lora.recipe import RECIPES, load_recipe
from pgt_lora.trainer import build_trainer

RECIPE = RECIPES / "tiny-qwen2.5-vl.yaml"


def test_the_benchmark_times_the_same_samples_by_turns(
    overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_module, "ROOT", tmp_path)
    measured = []
    run = bench_module._run

    def kept(name: str, *words: object) -> Measured:
        measured.append((name, run(name, *words)))  # type: ignore[arg-type]
        return measured[-1][1]

    monkeypatch.setattr(bench_module, "_run", kept)
    bench("tiny-qwen2.5-vl", 16, 1, overrides)
    said = capsys.readouterr().out
    ours, theirs = (float(number) for number in re.findall(r"(?:pgt_lora|trl) (\d+\.\d+)", said)[:2])
    assert ours == pytest.approx(theirs, rel=1e-4)
    assert [name for name, _ in measured] == ["pgt_lora", "trl"]
    for _, each in measured:
        assert each.images == 2 * 16
        assert each.tokens < each.padded
        assert 0 < each.waiting < each.training < each.seconds
        assert each.peak_bytes > 1e8
    kit, trl = (each for _, each in measured)
    # TRL supervises the newline after the end token too.
    assert trl.supervised - kit.supervised == trl.tokens - kit.tokens == 32
    for row in ("images/s, end to end", "waiting for data", "utilisation"):
        assert row in said


def test_operations_are_those_that_torch_counts(overrides: list[str], data_dir: Path, tmp_path: Path) -> None:
    recipe = load_recipe(RECIPE, overrides)
    job, losses = check_losses(recipe, data_dir, tmp_path)
    assert losses["pgt_lora"] == pytest.approx(losses["trl"], rel=1e-4)
    rows = open_dataset(data_dir)
    trainer, encoder = build_trainer(recipe, rows, tmp_path / "run")
    batch = encoder.training_batch([rows[index] for index in range(4)])
    run = Measured(
        images=4, tokens=batch["input_ids"].numel(), supervised=batch["labels"].numel(), padded=batch["labels"].numel()
    )
    with FlopCounterMode(display=False) as counter:
        trainer.model(**batch).loss.backward()  # type: ignore[misc]
    # On a CPU torch counts nothing for attention.
    attention = 6 * job.model.num_layers * job.model.attention * run.tokens * run.tokens / 4
    assert replace(job, num_images=4).flops(run) - attention == pytest.approx(counter.get_total_flops(), rel=0.03)


def test_different_losses_are_not_timed(
    overrides: list[str], data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def another(*words: object) -> object:
        trainer = stock_trainer(*words)  # type: ignore[arg-type]
        with torch.no_grad():
            trainer.model.get_base_model().lm_head.weight.mul_(1.5)
        return trainer

    monkeypatch.setattr(bench_module, "stock_trainer", another)
    with pytest.raises(InputError, match="differ, so times cannot be compared"):
        check_losses(load_recipe(RECIPE, overrides), data_dir, tmp_path)
