"""The directory of a run."""

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import write_json
from pgt_lora.core.recipe import RECIPES, load_recipe
from pgt_lora.data.directory import PARQUET
from pgt_lora.data.generate import generate
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.training.run_directory import Given, check_apart, claim, data_of, given_to, newest_checkpoint


def test_a_half_written_checkpoint_is_skipped(tmp_path: Path) -> None:
    for step, text in ((2, "{}"), (4, "{}"), (10, '{"half'), (12, None)):
        directory = tmp_path / f"checkpoint-{step}"
        directory.mkdir()
        for part in ("optimizer", "scheduler", "rng_state"):
            torch.save({}, directory / f"{part}.pt{'h' if part == 'rng_state' else ''}")
        if text is not None:
            (directory / "trainer_state.json").write_text(text)
    whole = (tmp_path / "checkpoint-4" / "optimizer.pt").read_bytes()
    (tmp_path / "checkpoint-4" / "optimizer.pt").write_bytes(whole[: len(whole) // 2])
    assert newest_checkpoint(tmp_path) == tmp_path / "checkpoint-2"
    assert newest_checkpoint(tmp_path / "nothing") is None
    (tmp_path / "checkpoint-2" / "optimizer.pt").unlink()  # it would resume with a fresh one, to other weights
    assert newest_checkpoint(tmp_path) is None


def test_a_run_is_replaced_and_nothing_else(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", [])
    other = load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", ["--seed", "7"])
    claim(tmp_path / "run", recipe, data_dir)
    (tmp_path / "run" / "adapter").mkdir()
    with pytest.raises(InputError, match=r"another recipe \(seed: 0, now 7\); .*its checkpoints\)$"):
        claim(tmp_path / "run", other, data_dir)
    (tmp_path / "link").symlink_to(tmp_path / "run")
    with pytest.raises(InputError, match="a link"):
        claim(tmp_path / "link", other, data_dir, overwrite=True)
    monkeypatch.chdir(tmp_path / "run")
    with pytest.raises(InputError, match="the current directory"):
        claim(tmp_path / "run", other, data_dir, overwrite=True)
    assert (tmp_path / "run" / "adapter").is_dir()
    monkeypatch.chdir(tmp_path)
    claim(tmp_path / "run", other, data_dir, overwrite=True)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["started.json"]
    assert claim(tmp_path / "run", other, data_dir)["recipe"]["seed"] == 7


def test_the_command_that_finishes_a_run_of_another_recipe_is_told(data_dir: Path, tmp_path: Path) -> None:
    recipe = load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", ["--learning_rate", "0.5"])
    other = load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", [])
    run, data = tmp_path / "run", Path(shutil.copytree(data_dir, tmp_path / "data"))
    claim(run, recipe, data)
    (run / "checkpoints").mkdir()
    says = rf"{run}: a run with another recipe \(learning_rate: 0.5, now .*\); .* deletes this one and its checkpoints"
    with pytest.raises(InputError, match=rf"{says}\), or finish this one with: pgt-lora finetune {run} --out {run}$"):
        claim(run, other, data)
    with pytest.raises(InputError, match=rf"{says}\), or finish this one with: pgt-lora run {run}$"):
        claim(run, other, data, given=Given(data))
    with pytest.raises(InputError, match=r"another recipe \(.*\) and other data \(.*/data\); "):
        claim(run, other, generate_one(tmp_path / "more"))
    data.rename(tmp_path / "moved")
    with pytest.raises(InputError, match=rf"{says}\)$"):  # no command that would not do
        claim(run, other, tmp_path / "moved")


def test_a_run_that_looks_at_a_held_out_set_goes_on_with_that_one(data_dir: Path, tmp_path: Path) -> None:
    recipe = load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", ["--eval_strategy", "epoch"])
    others = [tmp_path / name for name in ("one", "other")]
    for seed, path in enumerate(others):
        generate(path, num_samples=1, seed=seed, settings=TaskSettings(Canvas(112, 112)))
    claim(tmp_path / "run", recipe, data_dir, others[0])
    claim(tmp_path / "run", recipe, data_dir, others[1])  # as nothing was done yet
    claim(tmp_path / "run", recipe, data_dir, others[0])
    (tmp_path / "run" / "checkpoints").mkdir()
    with pytest.raises(
        InputError, match=f"another held-out set .*/one.*--eval-data {others[0]}$"
    ):  # whose losses would be compared with those of the first
        claim(tmp_path / "run", recipe, data_dir, others[1])
    plain = load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", [])
    for path in others:  # which are scored alone
        claim(tmp_path / "plain", plain, data_dir, path)


def test_a_run_knows_where_its_data_are(data_dir: Path, tmp_path: Path) -> None:
    recipe = load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", [])
    run, data = tmp_path / "run", Path(shutil.copytree(data_dir, tmp_path / "data"))
    key = claim(run, recipe, data)
    assert set(key) == {"recipe", "content_hash"}  # what is published of a run names no place
    (run / "adapter").mkdir()
    assert data_of(run) == data
    write_json(run / "started.json", key)  # as earlier versions wrote it
    assert data_of(run) is None
    assert claim(run, recipe, data_dir) == key
    assert data_of(run) == data_dir
    claim(run, recipe, data, given=Given(data, (data_dir,)))
    claim(run, recipe, data_dir)  # a later stage, which was told less
    assert given_to(run) == Given(data, (data_dir,))
    with pytest.raises(InputError, match=r"with other data \(.*/data\); choose another --out"):
        claim(run, recipe, generate_one(tmp_path / "other"))
    data.rename(tmp_path / "moved")
    with pytest.raises(InputError, match=r"data: no longer holds the data that .*run was begun with; .* --data"):
        data_of(run)
    generate_one(data)
    with pytest.raises(InputError, match="no longer holds"):
        data_of(run)
    claim(run, recipe, tmp_path / "moved", given=Given())  # which it makes itself
    claim(run, recipe, tmp_path / "moved")
    assert data_of(run) is None


def generate_one(path: Path) -> Path:
    generate(path, num_samples=1, seed=0, settings=TaskSettings(Canvas(112, 112)))
    return path


def test_what_a_run_reads_is_not_replaced_by_it(data_dir: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    data, base = Path(shutil.copytree(data_dir, run / "data")), run / "base"
    base.mkdir()
    recipe = load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", ["--model_name_or_path", str(base)])
    write_json(run / "started.json", {"recipe": {}, "content_hash": ""})
    for read in (data, data_dir):
        with pytest.raises(InputError, match=r"run: is or holds .*/(data|base), which is read for the new one"):
            claim(run, recipe, read, overwrite=True)
    with pytest.raises(InputError, match="is or holds"):
        check_apart(data / ".." / "data", None, "nowhere", data)
    check_apart(data / "scores", data, base)


@pytest.mark.parametrize("text", ["half", "[]", ""])
def test_a_broken_record_is_one_line(data_dir: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "started.json").write_text(text)
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(InputError, match="choose another --out"):
        claim(tmp_path, load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", []), data_dir)


def test_a_run_is_not_replaced_for_edited_data(data_dir: Path, tmp_path: Path) -> None:
    recipe = load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", [])
    data = Path(shutil.copytree(data_dir, tmp_path / "data"))
    claim(tmp_path / "run", recipe, data)
    (tmp_path / "run" / "adapter").mkdir()
    table = pq.read_table(data / PARQUET)
    pq.write_table(table.slice(1), data / PARQUET)
    with pytest.raises(InputError, match="pgt-lora seal"):
        claim(tmp_path / "run", recipe, data, overwrite=True)
    assert (tmp_path / "run" / "adapter").is_dir()
