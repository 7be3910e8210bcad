"""The benchmarks in the paper's forms, answered by this kit itself."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.data.mix.images import Shelf
from pgt_lora.evaluation.evaluate import evaluate, load_for_evaluation
from pgt_lora.evaluation.generation import Generation
from pgt_lora.evaluation.probability import By
from pgt_lora.studies.benchmarks import harness, kit
from pgt_lora.studies.benchmarks.benchmark import benchmark
from pgt_lora.studies.benchmarks.catalog import Prompts, in_paper_form
from pgt_lora.studies.benchmarks.harness import HarnessSettings
from pgt_lora.studies.benchmarks.paper_forms import FORMS, Wording
from pgt_lora.studies.benchmarks.plan import Data, plan
from pgt_lora.studies.benchmarks.report import Report
from pgt_lora.studies.benchmarks.subject import resolve_subject
from tests.support import benchmark_copies
from tests.support.benchmark_copies import NEARER
from tests.support.checkpoints import checkpoint
from tests.support.command import call
from tests.support.recorded_logs import report

BY_GENERATION = {"gqa", "pope"}
Ran = tuple[Path, Data, HarnessSettings, Report]


def zero_shot(path: str) -> str:
    """VSR's file as the zero-shot family has it."""
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    Path(path).write_text("".join(json.dumps(each | {"subj": "box", "obj": "box"}) + "\n" for each in lines))
    return path


@pytest.fixture(scope="module")
def ran(base_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """The whole suite in the paper's forms, on local files, in a process that has no lmms-eval."""
    root = tmp_path_factory.mktemp("files")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmark_copies, "SIDE", 56)  # a fraction of the time
        benchmark_copies.picture.cache_clear()
        given = benchmark_copies.write_annotations(root)
        hub = benchmark_copies.write_copies(root / "hub")
        benchmark_copies.picture.cache_clear()
        zero_shot(given["vsr"])
        data = Data("paper", [], Shelf(root / "cache", root / "images"), given, prompts=Prompts.PAPER)
        settings = HarnessSettings(batch_size=4, hub_copies=hub, max_new_tokens=3)
        patch.setattr(harness, "find_python", None)
        yield root, data, settings, benchmark(resolve_subject(str(base_dir)), data, root / "out", settings)


def lines_of(root: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for line in (root / "out" / "predictions.jsonl").read_text().splitlines():
        each = json.loads(line)
        found.setdefault(each["task"], []).append(each)
    return found


def test_every_benchmark_is_asked_in_its_known_words(ran: Ran) -> None:
    lines = lines_of(ran[0])
    assert set(lines) == set(FORMS)
    assert {name for name, each in lines.items() if {line["by"] for line in each} == {"generation"}} == BY_GENERATION
    assert lines["vsr"][0]["question"] == (
        'Based on the image, is this statement "True" or "False"? The red box is left of the green box.\n'
        'Respond with "True" or "False" directly.'
    )
    assert lines["cv-bench-3d"][0]["question"] == (
        f"{NEARER}\n- (A) door\n- (B) books\n"
        "Answer only with the single capital letter corresponding to the correct choice."
    )
    letters = "\n".join(f"{'ABCDEFGHIJKLMNOP'[number]}. {number}" for number in range(16))
    last = "Answer with the option's letter from the given choices directly."
    assert lines["tallyqa"][0]["question"] == f"How many boxes are there?\n{letters}\n{last}"
    assert [each["expected"] for each in lines["tallyqa"]] == ["C", "A", "B"]
    assert list(lines["tallyqa"][0]["probabilities"]) == list("ABCDEFGHIJKLMNOP")
    assert lines["ai2d"][0]["question"].endswith(f"?\nA. left\nB. above\n{last}")
    for name in BY_GENERATION:
        assert lines[name][0]["question"].endswith("?\nAnswer the question using a single word or phrase.")
    assert [each["expected"] for each in lines["gqa"]] == ["red", "blue"]
    assert [each["expected"] for each in lines["pope"]] == ["Yes", "No"] * 3


def test_scores_are_those_of_the_evaluator_and_are_read_again(
    ran: Ran, base_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, data, settings, found = ran
    model, encoder = load_for_evaluation(checkpoint(base_dir))
    for name, by in (("vsr", By.PROBABILITY), ("pope", By.GENERATION)):
        (directory,) = (root / "cache" / "benchmarks").glob(f"{name}-*-paper")
        scores = evaluate(
            model, encoder, directory, tmp_path / name, name=name, generation=Generation(2, 3), by=by
        )  # fmt: skip
        right = sum(score.num_correct for score in scores.values())
        assert found.scores[name].value == pytest.approx(right / sum(each.num_samples for each in scores.values()))
    monkeypatch.setattr(kit, "load_for_evaluation", None)
    again = benchmark(resolve_subject(str(base_dir)), data, root / "out", settings)
    assert again.scores == found.scores
    summary = json.loads((root / "out" / "scores.json").read_text())
    assert (summary["prompts"], summary["backend"], summary["generation"]["max_new_tokens"]) == ("paper", "this kit", 3)
    assert summary["benchmarks"]["vsr"]["wording"] == "printed in the paper"
    assert summary["benchmarks"]["tallyqa"]["by"] == "probability"
    with pytest.raises(InputError, match="uses --prompts paper, not lmms-eval"):
        benchmark(
            resolve_subject(str(base_dir)), Data("pope", [], data.shelf), tmp_path / "b", HarnessSettings(),
            reference=root / "out",
        )  # fmt: skip


def test_wrong_answers_of_cv_bench_3d_are_split_by_their_boxes(ran: Ran) -> None:
    root, _, _, found = ran
    kinds = found.boxes["cv-bench-3d"]
    # The first item has no boxes. The books (B) are the larger and the lower one; A is right every second time.
    assert {kind: shortcuts["larger"]["items"] for kind, shortcuts in kinds.items()} == {"Depth": 2, "Distance": 0}
    assert {kind: shortcuts["smaller"]["items"] for kind, shortcuts in kinds.items()} == {"Depth": 0, "Distance": 3}
    lines = lines_of(root)["cv-bench-3d"]
    assert "boxes" not in lines[0] and lines[1]["boxes"]["B"] == [120.0, 132.0, 80.0, 60.0]
    taken = sum(each["parsed"] == "B" for each in lines[2::2])
    assert kinds["Depth"]["larger"]["chosen"] == kinds["Depth"]["lower"]["chosen"] == taken
    page = (root / "out" / "report.md").read_text()
    assert f"| Depth | {taken} of 2" in page
    assert json.loads((root / "out" / "scores.json").read_text())["chosen_wrongly"] == found.boxes


def test_figures_stand_only_where_the_words_are_printed_or_inferred() -> None:
    found = report(False, vsr=(0.8, 0.7, 0.9), whatsup=(0.9, 0.8, 1.0), pope=(0.8, 0.7, 0.9))
    asked = {name: in_paper_form(name) for name in found.scores}
    decided = dict.fromkeys(asked, "probability")
    ours = Report(found.model, asked, found.scores, {}, found.facts | {"prompts": "paper"}, decided=decided)
    assert (ours.paper("vsr")["base"], ours.paper("pope")["base"]) == (0.804, 0.875)
    assert ours.paper("whatsup") == {} and found.paper("whatsup")
    assert ours.labels("whatsup")["wording"] == "not known: ours" and "wording" not in found.labels("whatsup")
    assert any("is inferred" in each for each in ours.warnings)
    assert not any("is inferred" in each for each in found.warnings)
    assert {name for name, form in FORMS.items() if form.wording == Wording.PRINTED} == {"vsr", "cv-bench-3d"}
    assert all((form.column is None) == (form.wording == Wording.UNKNOWN) for form in FORMS.values())


def test_of_the_other_split_of_vsr_no_figure_is_told() -> None:
    shelf = Shelf(Path("cache"))
    assert plan(Data("vsr", [], shelf, prompts=Prompts.PAPER))["vsr"].column == "VSR"
    other = plan(Data("vsr", [], shelf, vsr_split="random", prompts=Prompts.PAPER))["vsr"]
    assert other.column is None and "random split" in other.note
    assert Data("vsr", [], shelf).vsr_family == "random"


def test_one_way_may_decide_everywhere(ran: Ran, base_dir: Path, tmp_path: Path) -> None:
    _, data, settings, _ = ran
    for by, suite, expected in (
        (By.GENERATION, "vsr", {"vsr": "generation"}),
        (By.PROBABILITY, "gqa,pope", {"gqa": "generation", "pope": "probability"}),  # GQA's answers are no finite set
    ):
        found = benchmark(resolve_subject(str(base_dir)), replace(data, suite=suite, by=by), tmp_path / by, settings)
        assert found.decided == expected
        assert found.labels(suite[:3])["by"] == "generation"


def test_of_a_dataset_directory_the_first_items_are_asked_and_that_it_was_trained_on_is_said(
    base_dir: Path, held_out_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (adapter := tmp_path / "adapter").mkdir()
    merged = Path(shutil.copytree(base_dir, tmp_path / "merged"))
    record = {"content_hash": read_manifest(held_out_dir)["content_hash"]}
    (adapter / "run.json").write_text(json.dumps(record))
    data = Data("", [held_out_dir], Shelf(tmp_path / "cache"), prompts=Prompts.PAPER)
    settings = HarnessSettings(batch_size=2, limit=3, max_new_tokens=1)
    found = benchmark(resolve_subject(str(merged)), data, tmp_path / "out", settings)
    asked = [json.loads(line)["id"] for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()]
    assert asked == open_dataset(held_out_dir)["id"][:3]
    assert found.scores[held_out_dir.name].num_items == 3
    assert f"was trained on {held_out_dir}" in " ".join(capsys.readouterr().out.split())


def test_what_does_not_go_together_is_refused_in_one_line(
    base_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, says in (
        (("--prompts", "papers"), "--prompts 'papers': known: lmms-eval, paper"),
        (("--prompts", "paper", "--suite", "mmvp,vsr"), "the paper's prompts for mmvp are not known; known: ai2d"),
        (
            ("--prompts", "paper", "--suite", "quick"),
            "the paper's prompts for realworldqa, blink, blink-counting, mmvp are",
        ),
        (("--prompts", "paper", "--backend", "vllm"), "--backend vllm: --prompts paper is answered by this kit"),
        (("--prompts", "paper", "--processes", "2"), "--processes: --prompts paper uses one process"),
        (("--prompts", "paper", "--by", "odds"), "--by 'odds': known"),
        (("--prompts", "paper", "--max-new-tokens", "0"), "--max-new-tokens 0"),
        (("--prompts", "paper", "--annotations", "mmvp=x"), "unknown 'mmvp'; known: ai2d, cv-bench-2d"),
        (("--by", "generation"), "--by: lmms-eval generates every answer"),
    ):
        status, error = call(monkeypatch, capsys, "benchmark", base_dir, "--out", tmp_path / "out", *words)
        assert (status, error.count("\n")) == (2, 1)
        assert says in error
    assert not (tmp_path / "out").exists()
