import math
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import RECIPES, load_recipe
from pgt_lora.core.recipe_values import read_values
from pgt_lora.data.directory import open_dataset
from pgt_lora.models.names import resolve
from pgt_lora.studies.speed import benchmark, random_weights
from pgt_lora.studies.speed.benchmark import Work, bench, check_losses
from pgt_lora.studies.speed.contenders import stock_trainer
from pgt_lora.studies.speed.measure import Measured
from pgt_lora.training.build import build_trainer, prepare
from pgt_lora.training.measured import measured
from tests.support.small_configs import small_config

RECIPE = RECIPES / "tiny-qwen2.5-vl.yaml"


@pytest.mark.slow
def test_the_benchmark_times_the_same_samples_by_turns(
    overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path))
    measured = []
    run = benchmark.time_run

    def kept(name: str, *words: object) -> Measured:
        measured.append((name, run(name, *words)))  # type: ignore[arg-type]
        return measured[-1][1]

    monkeypatch.setattr(benchmark, "time_run", kept)
    monkeypatch.setattr(benchmark, "NUM_DRAWN", 20)  # enough for a row of the table
    bench(resolve("tiny-qwen2.5-vl", overrides).recipe, 16, 1)
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
    for row in ("images/s, all", "waiting", "utilization", "Making a sample takes"):
        assert row in said


def test_operations_are_those_that_torch_counts(overrides: list[str], data_dir: Path, tmp_path: Path) -> None:
    recipe = load_recipe(RECIPE, overrides)
    job, losses = check_losses(Work(recipe, data_dir, tmp_path, None))
    assert losses["pgt_lora"] == pytest.approx(losses["trl"], rel=1e-4)
    rows = open_dataset(data_dir)
    prepared = prepare(recipe, measured(recipe, rows))
    trainer = build_trainer(recipe, tmp_path / "run", prepared)
    batch = prepared.training.encoder.training_batch([rows[index] for index in range(4)])
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

    monkeypatch.setattr(benchmark, "stock_trainer", another)
    with pytest.raises(InputError, match="differ, so times cannot be compared"):
        check_losses(Work(load_recipe(RECIPE, overrides), data_dir, tmp_path, None))


@pytest.mark.slow
def test_an_environment_without_llama_factory_is_named(overrides: list[str], data_dir: Path, tmp_path: Path) -> None:
    work = Work(load_recipe(RECIPE, overrides), data_dir, tmp_path, Path(sys.executable))
    benchmark.export(work)
    with pytest.raises(InputError, match=r"(?s)llama_factory loss.*No module named 'llamafactory'"):
        check_losses(work)


@pytest.mark.parametrize(
    "name",
    [
        "qwen2.5-vl-3b",
        pytest.param("internvl3-1b", marks=pytest.mark.slow),
        pytest.param("llava-next-mistral-7b", marks=pytest.mark.slow),
    ],
)
def test_random_weights_train_as_the_published_ones_would(
    name: str, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random_weights, "build_config", small_config)
    path = RECIPES / f"{name}.yaml"
    base = random_weights.write_random(read_values(path)["model_name_or_path"], torch.float32, tmp_path / "base")
    words = f"--model_name_or_path {base} --dtype float32 --bf16 false --use_cpu true --per_device_train_batch_size 2"
    job, losses = check_losses(Work(load_recipe(path, words.split()), data_dir, tmp_path, None))
    assert losses["pgt_lora"] == pytest.approx(math.log(1024), abs=1)
    assert job.vision_flops > 1e9
