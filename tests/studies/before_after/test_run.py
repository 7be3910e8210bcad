import json
import re
import shutil
from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.core.terminal import console
from pgt_lora.data.directory import read_manifest
from pgt_lora.data.generate import generate
from pgt_lora.data.pgt import pgt_data
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.evaluation.held_out import sets_of_run
from pgt_lora.evaluation.scoring import Score
from pgt_lora.export.card import HubLicense, write_card
from pgt_lora.export.verify_weights import Subject
from pgt_lora.models.checkpoint import load_model
from pgt_lora.models.names import resolve
from pgt_lora.studies.before_after.report import compare, print_comparison
from pgt_lora.studies.before_after.run import run
from pgt_lora.training.run_directory import Given, given_to
from tests.support.verification import verified_here

REPOSITORY = Path(__file__).resolve().parents[3]
STAGES = ("base/pgt/scores.json", "finetuned/pgt/scores.json", "adapter/adapter_config.json", "merged/config.json")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project directory of its own, so that the datasets made on the way end up there."""
    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path))
    return tmp_path


def modified(out: Path) -> dict[str, int]:
    return {name: (out / name).stat().st_mtime_ns for name in STAGES}


def test_the_whole_path_and_again(root: Path, overrides: list[str], data_dir: Path) -> None:
    out = root / "run"
    with verified_here():
        run(resolve("tiny-qwen2.5-vl", overrides).recipe, data_dir, out)
    before = modified(out)
    assert json.loads((out / "merged" / "verification.json").read_text())["passed"]
    page = (out / "report.html").read_text()
    assert '<p class="headline">Fine-tuning ' in page
    assert page.count('<svg class="row"') == page.count(", chance ") > 0
    for chart in ("Training loss", "Token accuracy", "Learning rate", "Gradient norm"):
        assert f"<title>{chart} up to step " in page
    assert page.count("data:image/png;base64,") == 10  # as many as there are held-out samples, a dozen at most
    assert not re.search(r"""(src|href)=["']https?:""", page)
    for score in json.loads((out / "finetuned" / "pgt" / "scores.json").read_text())["tasks"].values():
        assert f"{100 * score['accuracy']:.1f}" in page
    (out / "report.html").unlink()
    run(
        resolve("tiny-qwen2.5-vl", overrides).recipe, data_dir, out
    )  # everything is finished: only the report is made again
    assert modified(out) == before
    assert (out / "report.html").exists()
    assert resolve(str(out)).recipe.values == resolve("tiny-qwen2.5-vl", overrides).recipe.values
    assert given_to(out) == Given(data_dir)
    assert "given" not in json.loads((out / "adapter" / "run.json").read_text())
    with pytest.raises(
        InputError, match=r"another recipe \(lora_r: .*, now 4\); .* finish this one with: .*run .*run$"
    ):
        run(resolve("tiny-qwen2.5-vl", [*overrides, "--lora_r", "4"]).recipe, data_dir, out)
    assert modified(out) == before
    own_held_out_set(root, out, overrides, data_dir)


def own_held_out_set(root: Path, out: Path, overrides: list[str], data_dir: Path) -> None:
    """A set that is named later is scored, shown and compared with the merged model; nothing is trained again."""
    own = root / "own"
    generate(own, num_samples=6, seed=5, settings=TaskSettings(Canvas(112, 112)), weights={"distance": 1.0})
    recipe = resolve("tiny-qwen2.5-vl", overrides).recipe
    trained = (out / "adapter" / "run.json").stat().st_mtime_ns
    run(recipe, data_dir, out, eval_data=[own])
    assert (out / "adapter" / "run.json").stat().st_mtime_ns == trained
    proof = json.loads((out / "merged" / "verification.json").read_text())
    (check,) = (each for each in proof["checks"] if each["name"] == Subject.SCORES)
    assert proof["passed"]
    assert "own: " in check["figures"]
    assert "pgt: " in check["figures"]
    assert {"base/own", "finetuned/own", "finetuned/pgt"} <= proof["sha256"].keys()
    page = (out / "report.html").read_text()
    assert "<h2>own</h2>" in page
    assert f"--eval-data {own} --out DIR" in page
    assert read_manifest(own)["content_hash"][:16] in page
    card = write_card(out, "owner/base", HubLicense("mit"), "me/model", True)
    assert "own:" in card
    assert "Held-out PGT:" in card
    with pytest.raises(InputError, match="is trained on these items"):
        run(recipe, data_dir, out, eval_data=[data_dir])
    generate(root / "elsewhere" / "own", num_samples=6, seed=6, settings=TaskSettings(Canvas(112, 112)))
    with pytest.raises(InputError, match="base/own holds scores of another dataset with this name; rename one"):
        run(recipe, data_dir, out, eval_data=[root / "elsewhere" / "own"])


def test_what_cannot_be_trained_is_told_before_the_base_is_scored(
    root: Path, overrides: list[str], data_dir: Path
) -> None:
    recipe = resolve("tiny-qwen2.5-vl", [*overrides, "--global_batch_size", "4096"]).recipe
    with pytest.raises(InputError, match="fewer than global_batch_size 4096"):
        run(recipe, data_dir, root / "run", eval_data=[pgt_data(recipe, "test", 2)])
    assert not (root / "run").exists()


@pytest.mark.slow
def test_the_own_test_split_is_what_a_run_is_scored_on(root: Path, overrides: list[str], data_dir: Path) -> None:
    recipe, mine = resolve("tiny-qwen2.5-vl", overrides).recipe, root / "mine"
    shutil.copytree(data_dir, mine)
    assert list(sets_of_run(recipe, mine, [])) == ["pgt"]
    settings = TaskSettings(Canvas(112, 112))
    generate(root / "mine-test", num_samples=6, seed=5, split="test", settings=settings)
    assert sets_of_run(recipe, mine, []) == {"mine-test": root / "mine-test"}
    assert list(sets_of_run(recipe, mine, [root / "mine-test"])) == ["mine-test"]
    skilled = resolve("tiny-qwen2.5-vl", [*overrides, "--skills", "true"]).recipe
    assert list(sets_of_run(skilled, mine, [])) == ["mine-test", "skills"]
    with pytest.raises(InputError, match="rename one"):
        sets_of_run(recipe, mine, [root / "mine-test", root / "mine-test"])


def test_a_dataset_is_reused_only_where_it_was_asked_for_the_same(root: Path, overrides: list[str]) -> None:
    recipe = resolve("tiny-qwen2.5-vl", overrides).recipe
    path = pgt_data(recipe, "test", 10)
    made = (path / "manifest.json").stat().st_mtime_ns
    assert pgt_data(recipe, "test", 10) == path
    assert (path / "manifest.json").stat().st_mtime_ns == made
    fewer = resolve("tiny-qwen2.5-vl", [*overrides, "--max_count", "5"]).recipe
    other = pgt_data(fewer, "test", 10)
    assert other != path  # or the run that reads it would go on with other questions
    assert read_manifest(other)["asked"]["max_count"] == 5
    assert (path / "manifest.json").stat().st_mtime_ns == made
    usual = resolve("tiny-qwen2.5-vl", [*overrides, "--tasks", "families"]).recipe
    assert pgt_data(usual, "test", 10).name == "pgt-test-112x112-10"
    (path / "manifest.json").unlink()
    with pytest.raises(InputError, match="was not made by pgt-lora"):
        pgt_data(recipe, "test", 10)


def scored(run: Path, stage: str, right: int, unread: int = 0, content_hash: str = "a") -> None:
    """Write the scores of a stage: so many of 100 right, at a chance of one half."""
    directory = run / stage / "pgt"
    directory.mkdir(parents=True)
    score = Score(100, right, unread, 0.5, 0.0, 1.0)
    facts = {"content_hash": content_hash, "tasks": {"relation": vars(score) | {"accuracy": 0}}}
    (directory / "scores.json").write_text(json.dumps(facts))


def test_scores_of_other_questions_are_not_compared(tmp_path: Path) -> None:
    scored(tmp_path, "base", 20)
    scored(tmp_path, "finetuned", 60, content_hash="b")
    with pytest.raises(InputError, match=r"finetuned/pgt: scores of other items than .*base/pgt; delete both"):
        compare(tmp_path, ["pgt"])


@pytest.mark.parametrize(
    ("base", "tuned", "gain"),
    [
        (0, 60, 0.1),  # from unable to answer up to chance is no gain
        (32, 32, 0.0),  # unchanged below chance
        (32, 45, 0.0),
        (45, 32, 0.0),
        (70, 32, -0.2),  # down to chance, below which nothing is known
        (60, 60, 0.0),
        (60, 90, 0.3),
    ],
)
def test_the_gain_counts_from_chance_to_chance(tmp_path: Path, base: int, tuned: int, gain: float) -> None:
    scored(tmp_path, "base", base)
    scored(tmp_path, "finetuned", tuned)
    (comparison,) = compare(tmp_path, ["pgt"])
    assert comparison.rows[0].gain == pytest.approx(gain)
    assert comparison.mean("gain") == pytest.approx(gain)


def test_the_share_of_unread_outputs_stands_beside_both_accuracies(tmp_path: Path) -> None:
    scored(tmp_path, "base", 20, unread=71)
    scored(tmp_path, "finetuned", 60, unread=3)
    console.width, width = 80, console.width
    with console.capture() as captured:
        print_comparison(tmp_path, ["pgt"])
    console.width = width
    shown = captured.get()
    (row,) = (line for line in shown.splitlines() if "relation" in line)
    assert row.split() == [
        "relation", "100", "50.0", "20.0", "71.0", "60.0", "0.0–100.0", "3.0", "+10.0",
    ]  # fmt: skip
    assert shown.count("Unread") == 3  # both columns, and what the word means


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_the_whole_path_on_a_base_of_16_bits(dtype: str, root: Path, data_dir: Path) -> None:
    import torch

    base = root / "base"
    shutil.copytree(REPOSITORY / "data" / "tiny-llava-next", base)
    load_model(str(base), dtype=getattr(torch, dtype)).save_pretrained(base)
    words = [
        "--model_name_or_path", str(base), "--dtype", dtype, "--global_batch_size", "8", "--max_steps", "4",
        "--per_device_train_batch_size", "8", "--num_test_samples", "40", "--skills", "false",
    ]  # fmt: skip
    run(resolve("tiny-llava-next", words).recipe, data_dir, root / "run")
    record = json.loads((root / "run" / "merged" / "verification.json").read_text())
    assert record["passed"]
    assert len(record["checks"]) == 6
