"""Training on a stream of rows: the losses of the whole dataset in the same order, resumed, in any number of parts."""

import json
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import RECIPES, load_recipe
from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.data.overlay.build import overlay_data
from pgt_lora.data.overlay.plan import OverlaySettings
from pgt_lora.data.stream import open_stream
from pgt_lora.training.finetune import finetune
from pgt_lora.training.run_directory import newest_checkpoint
from pgt_lora.training.streaming import rows_of, training_rows
from tests.support.runs import equal
from tests.support.shards import photographed
from tests.training.test_finetune import KILL_AT_STEP_5

STEPS = ["--max_steps", "6"]


def recipe_of(overrides: list[str], *words: str) -> object:
    return load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", [*overrides, *STEPS, *words])


def losses(run: Path) -> list[float]:
    return [entry["loss"] for entry in json.loads((run / "adapter" / "loss.json").read_text())]


def epochs(run: Path) -> list[float]:
    return [entry["epoch"] for entry in json.loads((run / "adapter" / "loss.json").read_text())]


@pytest.fixture(scope="module")
def plan_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plan in three shards, some rows of which are drawn over when they are read."""
    source = photographed(tmp_path_factory.mktemp("plan"), 20)
    overlay_data(str(source), source.with_name("plan"), OverlaySettings(0.6, seed=2), num_shards=3)
    return source.with_name("plan")


def test_losses_are_those_of_the_same_order(overrides: list[str], data_dir: Path, tmp_path: Path) -> None:
    plain = ("--lora_dropout", "0", "--logging_steps", "1", "--max_steps", "3")
    finetune(recipe_of(overrides, "--streaming", *plain), data_dir, tmp_path / "stream")
    whole = recipe_of(overrides, "--train_sampling_strategy", "sequential", "--feature_cache_gb", "0", *plain)
    finetune(whole, data_dir, tmp_path / "whole")
    assert losses(tmp_path / "stream") == losses(tmp_path / "whole")
    assert len(set(losses(tmp_path / "stream"))) == 3
    run = json.loads((tmp_path / "stream" / "adapter" / "run.json").read_text())
    assert (run["steps"], run["data"]["num_samples"]) == (3, 32)


@pytest.mark.slow
def test_a_killed_run_on_a_plan_resumes_to_the_same_weights(
    overrides: list[str], plan_dir: Path, tmp_path: Path
) -> None:
    finetune(recipe_of(overrides, "--streaming"), plan_dir, tmp_path / "whole")
    (tmp_path / "own.yaml").write_text(recipe_of(overrides, "--streaming").dump())
    words = ["finetune", str(tmp_path / "own.yaml"), "--data", str(plan_dir), "--out", str(tmp_path / "killed")]
    ended = subprocess.run([sys.executable, "-c", KILL_AT_STEP_5, *words], capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    assert newest_checkpoint(tmp_path / "killed" / "checkpoints").name == "checkpoint-4"
    finetune(recipe_of(overrides, "--streaming"), plan_dir, tmp_path / "killed")
    assert equal(tmp_path / "whole", tmp_path / "killed")
    assert epochs(tmp_path / "killed") == epochs(tmp_path / "whole") == sorted(epochs(tmp_path / "whole"))


def test_a_stream_has_the_rows_of_the_dataset_again_and_again(plan_dir: Path, data_dir: Path) -> None:
    for directory in (plan_dir, data_dir):
        stream, opened = open_stream(directory), open_dataset(directory)
        every = [opened[index] for index in range(len(opened))]
        assert len(stream) == read_manifest(directory)["num_samples"] == len(every)
        for start in (0, 7, 15, len(every) - 1, len(every), 3 * len(every) + 9):
            rows = [stream.read(row) for row in islice(stream.rows(start), len(every) + 3)]
            expected = [every[(start + place) % len(every)] for place in range(len(every) + 3)]
            assert [row["id"] for row in rows] == [row["id"] for row in expected]
            assert [row["images"] for row in rows[:4]] == [row["images"] for row in expected[:4]]


@pytest.mark.parametrize(("processes", "workers"), [(1, 1), (1, 3), (2, 1), (2, 2)])
def test_parts_are_the_rows_batch_by_batch(processes: int, workers: int, data_dir: Path) -> None:
    """Process p takes its batch of every round; its workers take rounds by turns, as a data loader asks them."""
    stream, size = open_stream(data_dir), 2
    dealt = {"size": size, "processes": processes, "workers": workers}
    parts = {
        (process, worker): rows_of([(process, worker)], stream, 4, dealt)
        for process in range(processes)
        for worker in range(workers)
    }
    seen = [
        row["id"]
        for turn in range(6)
        for process in range(processes)
        for row in islice(parts[process, turn % workers], size)
    ]
    assert seen == [row["id"] for row in islice(stream.rows(4), len(seen))]


def test_a_data_loaders_workers_keep_the_order(data_dir: Path) -> None:
    from torch.utils.data import DataLoader

    args = SimpleNamespace(
        dataloader_num_workers=2, world_size=1, per_device_train_batch_size=4, gradient_accumulation_steps=2
    )
    rows = training_rows(open_stream(data_dir), args, Path("checkpoints/checkpoint-2"))
    loader = DataLoader(rows, batch_size=4, num_workers=2, collate_fn=lambda rows: [row["id"] for row in rows])
    every = open_dataset(data_dir)["id"]
    assert list(islice(loader, 5)) == [[*every, *every][16 + 4 * k : 20 + 4 * k] for k in range(5)]


def test_a_stream_needs_an_end(overrides: list[str]) -> None:
    with pytest.raises(InputError, match="streaming needs max_steps"):
        load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", [*overrides, "--streaming"])


def test_a_row_that_is_too_long_is_named(overrides: list[str], data_dir: Path, tmp_path: Path) -> None:
    words = ["--streaming", "--max_length", "12", "--dataloader_num_workers"]
    for workers in ("0", "1"):  # a worker hands on a whole traceback
        with pytest.raises(InputError, match=r"^\S+: .*the rows over 12 tokens.*pgt-train"):
            finetune(recipe_of(overrides, *words, workers), data_dir, tmp_path / workers)
