"""What --data and --eval-data name: shares of several datasets, and what is held out beside them."""

from collections import Counter
from pathlib import Path

import pytest

from pgt_lora.cli.options import refuse_num_samples
from pgt_lora.core.errors import InputError
from pgt_lora.core.lock import alone
from pgt_lora.core.recipe import Recipe
from pgt_lora.core.terminal import console
from pgt_lora.data.directory import MANIFEST, open_dataset
from pgt_lora.data.readers.build import ImportSettings, import_data
from pgt_lora.evaluation.held_out import check_held_out, title
from pgt_lora.models.names import resolve
from pgt_lora.studies.by_name import finetune, overlay
from pgt_lora.studies.named_data import dataset, held_out
from tests.support import own_data
from tests.support.own_data import imported
from tests.support.row_files import png


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path))
    return resolve("tiny-qwen2.5-vl", ["--num_samples", "6", "--num_test_samples", "3"]).recipe


def test_shares_are_drawn_to_the_size_of_the_first_and_once(recipe: Recipe, tmp_path: Path) -> None:
    table = own_data.questions_json(tmp_path)
    path = dataset(f"{table}=0.9,pgt=0.1", recipe)
    sources = Counter(row.split("-")[0] for row in open_dataset(path)["id"])
    assert sources == {"questions": 18, "pgt": 2}
    made = (path / MANIFEST).stat().st_mtime_ns
    assert dataset(f"{table}=9,pgt=1", recipe) != path  # the shares are what was typed
    assert dataset(f"{table}=0.9,pgt=0.1", recipe) == path
    assert (path / MANIFEST).stat().st_mtime_ns == made
    assert len(open_dataset(dataset(f"pgt=1,{table}=1", recipe))) == 6
    rows = own_data.question_rows(tmp_path)
    own_data.lines(table, [*rows[:-1], {**rows[-1], "answer": "above"}])
    assert dataset(f"{table}=0.9,pgt=0.1", recipe) != path  # other rows in the same file


def test_copies_of_a_row_do_not_count_to_the_size(recipe: Recipe, tmp_path: Path) -> None:
    table = own_data.lines(tmp_path / "rows.jsonl", [*(rows := own_data.question_rows(tmp_path)), *rows[:5]])
    path = dataset(f"{table}=0.9,pgt=0.1", recipe)
    assert len(open_dataset(path)) == len(rows)
    few = own_data.lines(tmp_path / "few.jsonl", rows[:4])
    with pytest.raises(
        InputError, match=r"18 rows are needed, but there are 4 of 4 read; begin the mixture with fewer"
    ):
        dataset(f"{table}=0.1,{few}=0.9", recipe)


def test_a_number_of_samples_is_of_mixtures_that_begin_with_what_is_made(recipe: Recipe, tmp_path: Path) -> None:
    table = own_data.questions_json(tmp_path)
    words = ["--num-samples", "8"]
    refuse_num_samples(words, f"pgt=0.5,{table}=0.5")
    refuse_num_samples(words, f"specialized-mix=0.5,{table}=0.5")
    refuse_num_samples(words, "pgt")
    says = f"its first part, {table}; take fewer rows with: pgt-lora import {table} --limit N --out DIR, and name DIR"
    with pytest.raises(InputError, match=r"3 rows are needed, .*; lower --num-samples, or take a smaller share"):
        dataset(f"pgt=0.5,{own_data.lines(tmp_path / 'few.jsonl', own_data.question_rows(tmp_path)[:1])}=0.5", recipe)
    with pytest.raises(InputError, match=says):
        refuse_num_samples(words, f"{table}=0.5,pgt=0.5")
    with pytest.raises(InputError, match=f"{table} is used whole; take fewer rows with: pgt-lora import {table} "):
        refuse_num_samples(words, str(table))


def test_pgt_by_its_name_is_what_a_run_without_data_takes(recipe: Recipe) -> None:
    """Lessons of the pre-training among it, as the recipe says; in shares, everything is typed."""
    rows = open_dataset(dataset("pgt", recipe))
    assert recipe.kit.replay > 0
    assert {row.split("-")[0] for row in rows["id"]} > {"pgt"}
    assert len(rows) == 6


def test_two_processes_do_not_train_one_run(data_dir: Path, recipe: Recipe, tmp_path: Path) -> None:
    with alone(tmp_path / "run"), pytest.raises(InputError, match="another process is writing it"):
        finetune(recipe, data_dir, tmp_path / "run")


@pytest.mark.parametrize(
    ("shares", "says"),
    [
        ("FILE=0.5,./FILE=0.5", "two names are the same dataset; give it one share"),
        ("FILE=half", "--data FILE=half: a share must be a positive number"),
        ("FILE=-1,pgt=1", "positive"),
        ("pgt=0.5,FILE=0.5,none.json=1", "none.json: not a dataset directory, a file"),
        ("FILE=0.001,pgt=0.999", "pgt"),
    ],
)
def test_shares_that_mean_nothing_are_one_line(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shares: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    own_data.questions_json(tmp_path)
    with pytest.raises(InputError, match=says.replace("FILE", "questions.json")) as told:
        dataset(shares.replace("FILE", "questions.json"), recipe)
    assert "\n" not in str(told.value)


def test_what_is_held_out_is_no_shares_of_training_data(recipe: Recipe, tmp_path: Path) -> None:
    shares = f"pgt=0.9,{own_data.questions_json(tmp_path)}=0.1"
    for ask in (lambda: dataset(shares, recipe, "test"), lambda: held_out([shares], recipe)):
        with pytest.raises(InputError, match=r"--eval-data 'pgt=0\.9,.*name one held-out dataset in their place"):
            ask()
    assert not (tmp_path / "data").exists()


def test_what_is_held_out_of_a_share_is_what_the_mixture_is_scored_on(recipe: Recipe, tmp_path: Path) -> None:
    table = own_data.questions_json(tmp_path)
    train, test = import_data(str(table), tmp_path / "mine", ImportSettings(test=0.2))
    assert held_out(None, recipe, f"{train}=0.5,pgt=0.5") == [test]
    assert held_out(["pgt"], recipe, f"{train}=0.5,pgt=0.5") == [dataset("pgt", recipe, "test")]
    assert held_out(None, recipe, str(train)) == []  # whose own split a run finds itself


def test_rows_that_are_trained_on_are_told(recipe: Recipe, tmp_path: Path) -> None:
    table = own_data.questions_json(tmp_path)
    train, test = import_data(str(table), tmp_path / "mine", ImportSettings(test=0.2))
    with console.capture() as told:
        check_held_out({"mine": test}, {"the model": train})
    assert told.get() == ""
    whole = dataset(str(table), recipe)
    with console.capture() as told:
        check_held_out({"mine": test}, {"the model": whole})
    assert f"4 of the 4 rows of {test} show what the model is trained on" in told.get()
    assert title(whole.name) == "questions"


def test_an_image_that_is_trained_on_is_told_whatever_its_group(tmp_path: Path) -> None:
    files = [png(index, 448) for index in range(3)]
    alone, named = imported(files, tmp_path / "alone"), imported(files[:2], tmp_path / "named", group="a scene")
    folder = tmp_path / "alone-files" / "pictures"
    folder.mkdir()
    (folder / "a.png").write_bytes(files[0])
    overlay(folder, tmp_path / "plan", proportion=1.0)
    for trained_on, leaked in ((named, 2), (tmp_path / "plan", 1)):
        with console.capture() as told:
            check_held_out({"mine": alone}, {"the model": trained_on})
        assert f"{leaked} of the 3 rows of {alone} show what the model is trained on" in told.get()


def test_what_is_trained_on_cannot_tell_when_to_stop(recipe: Recipe, tmp_path: Path) -> None:
    table = own_data.questions_json(tmp_path)
    looking = resolve("tiny-qwen2.5-vl", ["--eval_strategy", "epoch"]).recipe
    with pytest.raises(InputError, match="the model is trained on these items"):
        finetune(looking, table, tmp_path / "run", eval_data=table)
    assert not (tmp_path / "run").exists()
