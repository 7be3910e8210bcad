"""lmms-eval itself, over local files: its answers are this kit's own, for every family and every task of this project.

Runs where lmms-eval is installed: `make lmms-eval-test`.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from runpy import run_path

import pytest

pytest.importorskip("lmms_eval")

import torch
from transformers import AutoModelForImageTextToText

from pgt_lora.core.files import write_json
from pgt_lora.core.workspace import SHIPPED
from pgt_lora.data.generate import generate
from pgt_lora.data.mix.images import Shelf
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.evaluation.evaluate import evaluate, load_for_evaluation
from pgt_lora.evaluation.generation import Generation
from pgt_lora.models.checkpoint import load_processor
from pgt_lora.studies.benchmarks.benchmark import benchmark
from pgt_lora.studies.benchmarks.catalog import SUITES
from pgt_lora.studies.benchmarks.harness import PYTHON_VARIABLE, TASKS, HarnessSettings
from pgt_lora.studies.benchmarks.plan import Data
from pgt_lora.studies.benchmarks.subject import resolve_subject
from tests.support import checkpoints
from tests.support.benchmark_copies import write_annotations, write_copies
from tests.support.discovered import forms, small_model, small_processor
from tests.support.runs import run_on

MODELS = {path.name: path for path in sorted((SHIPPED / "data").glob("tiny-*"))}
FORMS = forms("llava_next")  # of LLaVA-NeXT's chat, each on random weights
OWN = ("whatsup", "vsr", "tallyqa")


@pytest.fixture(scope="module", autouse=True)
def here(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Use the environment that runs the tests, and a cache of its own."""
    os.environ.pop(PYTHON_VARIABLE, None)
    os.environ["HF_DATASETS_CACHE"] = str(tmp_path_factory.mktemp("datasets"))
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make a checkpoint in bf16, as lmms-eval computes, with a penalty in its generation config that must not count."""

    def make(name: str) -> Path:
        directory = tmp_path_factory.mktemp("models") / name
        if name in MODELS:
            processor = load_processor(str(MODELS[name]))
            model = AutoModelForImageTextToText.from_pretrained(MODELS[name])
        else:
            processor, model = small_processor("llava_next", name), small_model("llava_next", name)
            with torch.no_grad():  # random weights answer alike whatever they see; larger ones do not
                for parameter in model.parameters():
                    parameter.mul_(4) if parameter.ndim > 1 else None
        model.to(torch.bfloat16).save_pretrained(directory)
        processor.save_pretrained(directory)
        config = json.loads((directory / "generation_config.json").read_text())
        write_json(directory / "generation_config.json", config | {"repetition_penalty": 5.0})
        return directory

    return make


@pytest.fixture(scope="module")
def pgt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("data") / "held-out"
    generate(directory, num_samples=16, seed=0, split="test", settings=TaskSettings(Canvas(224, 224)))
    return directory


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


def test_every_family_is_run() -> None:
    assert {"tiny-qwen2.5-vl", "tiny-internvl3"} <= set(MODELS)


@pytest.mark.parametrize("name", [*MODELS, *FORMS])
def test_lmms_eval_answers_as_the_kit_does(
    name: str, checkpoint: Callable[[str], Path], pgt: Path, files: Path, tmp_path: Path
) -> None:
    model = checkpoint(name)
    shelf = Shelf(files / "cache", files / "images")
    data = Data(",".join(OWN), [pgt], shelf, write_annotations(files))
    report = benchmark(resolve_subject(str(model)), data, tmp_path / "out", HarnessSettings())
    theirs = [json.loads(line) for line in (tmp_path / "out" / "predictions.jsonl").open()]
    loaded, encoder = load_for_evaluation(checkpoints.checkpoint(model))
    sets = {each: next((files / "cache" / "benchmarks").glob(f"{each}-*")) for each in OWN}
    for test, path in {"held-out": pgt, **sets}.items():
        scores = evaluate(loaded, encoder, path, tmp_path / test, name=name, generation=Generation(1))
        ours = [json.loads(line) for line in (tmp_path / test / "predictions.jsonl").open()]
        of_test = [each for each in theirs if each["task"].partition("/")[0] == test]
        assert [each["output"] for each in of_test] == [each["output"] for each in ours]
        assert [{**each, "task": ""} for each in ours] == [
            {key: each[key] for key in ours[0]} | {"task": ""} for each in of_test
        ]
        share = sum(score.accuracy for score in scores.values()) / len(scores)
        assert report.scores[test].value == pytest.approx(share)
    assert len({each["output"] for each in theirs}) > 3
    assert not any("bfloat16" in each or "special" in each for each in report.facts["input_differs"])


@pytest.mark.parametrize(
    ("said", "answer", "answer_format", "right"),
    [
        ("(B)", "B", "letter", True), ("B.", "B", "letter", True), ("b) left", "B", "letter", True),
        ("The answer is B", "B", "letter", True), ("neither", "B", "letter", False), ("two", "2", "number", True),
        ("2 circles", "2", "number", True), ("25", "5", "number", False), ("Yes.", "True", "true_false", True),
        ("", "True", "true_false", False),
    ],
)  # fmt: skip
def test_our_tasks_read_answers_as_everywhere(said: str, answer: str, answer_format: str, right: bool) -> None:
    module = run_path(str(TASKS / "functions.py"))
    choices = ["left", "right"] if answer_format == "word" else None
    doc = {
        "id": "1", "task": "t", "group": "g", "answer": answer, "answer_format": answer_format, "choices": choices,
        "prompt": [{"role": "user", "content": "Where is it? (A) right (B) left"}],
    }  # fmt: skip
    found = module["score"](doc, [said])
    assert (found["accuracy"], found["item"]["correct"]) == (float(right), right)


def test_a_run_is_merged_and_compared_with_its_base(
    checkpoint: Callable[[str], Path], pgt: Path, tmp_path: Path
) -> None:
    base = checkpoint("tiny-qwen2.5-vl")
    run = run_on(base, pgt, tmp_path / "run")
    data = Data("", [pgt], Shelf(tmp_path / "cache"))
    benchmark(resolve_subject(str(base)), data, tmp_path / "base", HarnessSettings())
    report = benchmark(
        resolve_subject(str(run)), data, tmp_path / "tuned", HarnessSettings(), reference=tmp_path / "base"
    )
    assert report.facts["tuned"] is True
    assert report.reference is not None and report.reference.is_base
    assert sum(row.won + row.lost for row in report.reference.contrast.rows) > 0
    assert not (run / "merged").exists()
    assert not list(tmp_path.glob("*partial*"))


def test_the_other_benchmarks_run_on_copies(pgt: Path, files: Path, tmp_path: Path) -> None:
    names = [name for name in SUITES["paper"] if name not in OWN]
    data = Data(",".join(names), [], Shelf(files / "cache"))
    settings = HarnessSettings(hub_copies=write_copies(tmp_path / "hub"), batch_size=4)
    report = benchmark(resolve_subject("tiny-qwen2.5-vl"), data, tmp_path / "out", settings)
    assert list(report.scores) == names
    (results,) = (tmp_path / "out" / "lmms-eval").glob("*/*_results.json")
    found = json.loads(results.read_text())["results"]
    # What lmms-eval prints is what is told here, where the rules are its own.
    for name, task, metric in (
        ("cv-bench-2d", "cv_bench_2d", "cv_bench_acc"), ("mmvp", "mmvp", "mmvp_pair_accuracy"),
        ("mmstar", "mmstar", "average"), ("realworldqa", "realworldqa", "exact_match"), ("gqa", "gqa", "exact_match"),
        ("ai2d", "ai2d", "exact_match"),
    ):  # fmt: skip
        values = [value for key, value in found[task].items() if key.startswith(f"{metric},")]
        assert report.scores[name].value == pytest.approx(values[0]), name
    assert list(report.groups) == ["3D/Depth", "General"]  # the others hold this project's own tasks
    assert report.scores["seed"].num_items == 5  # one of the six is about a video
