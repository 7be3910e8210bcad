"""Several processes give what one gives, and stop together."""

import json
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from accelerate.commands.config.config_args import load_config_from_file

from pgt_lora.core.recipe import RECIPES, Recipe, load_recipe
from pgt_lora.data.directory import MANIFEST, PARQUET, features
from pgt_lora.data.seal import seal
from pgt_lora.data.turns import Form
from pgt_lora.training import processes
from pgt_lora.training.finetune import finetune
from pgt_lora.training.run_directory import newest_checkpoint
from tests.support.conversations import unequal, write_conversations
from tests.support.runs import weights

TINY = RECIPES / "tiny-qwen2.5-vl.yaml"
# What the processes run: the command line, with a callback that sends a signal to the second one in the third step.
SIGNAL_RANK_1 = """
import os, signal, sys
import torch, transformers
from pgt_lora.cli import app as cli
from pgt_lora.training import finetune as trainer

torch.set_num_threads(1)
build = trainer.build_trainer
chosen = getattr(signal, sys.argv.pop(1))

class Send(transformers.TrainerCallback):
    def on_step_begin(self, args, state, control, **kwargs):
        if state.global_step == 2 and args.process_index == 1:
            os.kill(os.getpid(), chosen)

def build_trainer(*words):
    built = build(*words)
    built.add_callback(Send)
    return built

trainer.build_trainer = build_trainer
cli.main()
"""


def four_steps(overrides: list[str], batch_size: int) -> Recipe:
    return some_steps(overrides, batch_size, 4)


def some_steps(overrides: list[str], batch_size: int, steps: int) -> Recipe:
    words = ["--per_device_train_batch_size", str(batch_size), "--max_steps", str(steps), "--logging_steps", "1"]
    return load_recipe(TINY, [*overrides, *words])


def losses(run: Path) -> list[float]:
    return [entry["loss"] for entry in json.loads((run / "adapter" / "loss.json").read_text())]


def assert_close(first: Path, second: Path) -> None:
    assert losses(first) == pytest.approx(losses(second), rel=1e-4)
    a, b = weights(first), weights(second)
    assert a.keys() == b.keys()
    for key, tensor in a.items():
        torch.testing.assert_close(b[key], tensor, rtol=1e-3, atol=1e-5)


@pytest.fixture(scope="module")
def uneven(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset directory whose answers have one to seven words: means over batches are not the mean of the step."""
    rows = pq.read_table(data_dir / PARQUET).to_pylist()
    for number, row in enumerate(rows):
        row["completion"][0]["content"] = " ".join([row["answer"]] * (1 + number % 7))
    copy = tmp_path_factory.mktemp("uneven")
    (copy / PARQUET).parent.mkdir()
    pq.write_table(pa.Table.from_pylist(rows, schema=features(Form.QUESTIONS).arrow_schema), copy / PARQUET)
    (copy / MANIFEST).write_bytes((data_dir / MANIFEST).read_bytes())
    seal(copy)
    return copy


@pytest.fixture(scope="module")
def one_process(base_dir: Path, uneven: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one process that takes four samples twice in every step."""
    out = tmp_path_factory.mktemp("one") / "run"
    finetune(four_steps(["--model_name_or_path", str(base_dir), "--global_batch_size", "8"], 4), uneven, out)
    return out


def test_accumulation_gives_the_same_adapter(
    one_process: Path, overrides: list[str], uneven: Path, tmp_path: Path
) -> None:
    assert_close(finetune(four_steps(overrides, 8), uneven, tmp_path / "whole").parent, one_process)


def test_several_gpus_have_a_process_each_with_the_recipe_as_it_is(
    overrides: list[str], uneven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The processes are started for naught here; what they make together is a slow test."""
    recipe, started = four_steps(overrides, 8), []

    def start(words: list[str], env: dict[str, str]) -> SimpleNamespace:
        config = load_config_from_file(words[words.index("--config_file") + 1])
        assert words[:3] == [sys.executable, "-m", "accelerate.commands.launch"]
        assert config.distributed_type == "MULTI_GPU"
        assert words[words.index("--num_processes") + 1] == "2"
        module, path, *rest = words[words.index("-m", 3) + 1 :]
        assert find_spec(module)
        assert load_recipe(Path(path)).values == recipe.values
        assert rest == [str(uneven), str(tmp_path / "two"), "overwrite"]
        started.append(env)
        return SimpleNamespace(wait=lambda: 7)

    monkeypatch.setattr(processes, "subprocess", SimpleNamespace(Popen=start))
    recipe.sft._n_gpu = 2  # what the property returns where two are visible
    with pytest.raises(SystemExit) as ended:
        finetune(recipe, uneven, tmp_path / "two", overwrite=True)
    assert (len(started), ended.value.code) == (1, 7)
    assert started[0].items() >= processes.PATIENCE.items()


@pytest.mark.slow
def test_one_process_or_two_give_the_same_adapter(
    one_process: Path, overrides: list[str], uneven: Path, tmp_path: Path
) -> None:
    several_gpus = four_steps(overrides, 8)
    several_gpus.sft._n_gpu = 2  # what the property returns where two are visible
    two = finetune(several_gpus, uneven, tmp_path / "two").parent
    runs = [json.loads((path / "adapter" / "run.json").read_text()) for path in (one_process, two)]
    assert [run["processes"] for run in runs] == [1, 2]
    assert [run["steps"] for run in runs] == [4, 4]
    assert_close(two, one_process)


@pytest.mark.slow
@pytest.mark.parametrize("size", [13, 10])  # of 32 rows, the last round has none in the second process, or two
def test_one_process_or_two_give_the_same_held_out_loss(
    overrides: list[str], uneven: Path, tmp_path: Path, size: int
) -> None:
    words = [*overrides, "--eval_strategy", "steps", "--eval_steps", "2", "--per_device_eval_batch_size", str(size)]
    several_gpus = four_steps(words, 8)
    several_gpus.sft._n_gpu = 2
    found = []
    for name, recipe in (("one", four_steps(words, 4)), ("two", several_gpus)):
        adapter = finetune(recipe, uneven, tmp_path / name, eval_data=uneven)
        found.append(
            [each["eval_loss"] for each in json.loads((adapter / "run.json").read_text())["held_out"]["losses"]]
        )
    assert found[1] == pytest.approx(found[0], rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("cache_gb", ["1", "0"])
def test_conversations_of_unequal_length_are_dealt_out_alike(
    overrides: list[str], tmp_path: Path, cache_gb: str
) -> None:
    """Rows of text alone are among them, so that a process has batches without any image."""
    talks = write_conversations(tmp_path / "talks", unequal(40))
    words = [*overrides, "--feature_cache_gb", cache_gb]
    finetune(four_steps(words, 8), talks, tmp_path / "whole")
    finetune(four_steps(words, 1), talks, tmp_path / "single")
    several_gpus = four_steps(words, 2)
    several_gpus.sft._n_gpu = 2
    finetune(several_gpus, talks, tmp_path / "two")
    assert json.loads((tmp_path / "two" / "adapter" / "run.json").read_text())["processes"] == 2
    assert_close(tmp_path / "whole", tmp_path / "single")
    assert_close(tmp_path / "whole", tmp_path / "two")


def start_two(
    script: Path, name: str, data: Path, out: Path, overrides: list[str], step: int = 3
) -> tuple[int, str, str]:
    """Fine-tune in two processes, one of which gets a signal; return the status and the output once both have ended."""
    script.write_text(SIGNAL_RANK_1.replace("== 2", f"== {step - 1}"))
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", str(script), name]
    own = script.with_name("own.yaml")
    own.write_text(some_steps(overrides, 4, step + 1).dump())
    words += ["finetune", str(own), "--data", str(data), "--out", str(out)]
    process = subprocess.Popen(
        [sys.executable, *words], env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        output, errors = process.communicate(timeout=200)
    finally:
        process.terminate()  # where it hangs, and then its two processes
    return process.returncode, output, errors


@pytest.mark.slow
def test_sigterm_to_one_process_stops_both_and_one_alone_resumes(
    one_process: Path, overrides: list[str], uneven: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    status, output, errors = start_two(tmp_path / "script.py", "SIGTERM", uneven, run, overrides)
    assert status != 0
    assert output.count("Stopped by SIGTERM after step 3 of 4") == 1, errors
    assert newest_checkpoint(run / "checkpoints").name == "checkpoint-3"
    assert (run / "checkpoints" / "checkpoint-3" / "rng_state_1.pth").is_file()  # there were two
    finetune(four_steps(overrides, 4), uneven, run)
    assert_close(run, one_process)


@pytest.mark.slow
def test_a_dead_process_ends_the_run_with_an_error(overrides: list[str], data_dir: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    status, _, errors = start_two(tmp_path / "script.py", "SIGKILL", data_dir, run, overrides)
    assert status != 0
    assert f"exitcode  : {-signal.SIGKILL}" in errors
    assert not (run / "adapter").exists()
    assert newest_checkpoint(run / "checkpoints").name == "checkpoint-2"
