"""Conversations evaluated: the last question with its history, or every question behind the true history."""

import json
from pathlib import Path
from typing import Any

import pytest

from pgt_lora.core.errors import InputError, chosen
from pgt_lora.data.directory import open_dataset
from pgt_lora.data.turns import turns
from pgt_lora.evaluation.asked import Asked, EveryQuestion
from pgt_lora.evaluation.evaluate import evaluate
from pgt_lora.evaluation.generation import Generation
from pgt_lora.evaluation.probability import By
from pgt_lora.evaluation.score_files import print_scores, read_scores
from pgt_lora.models.checkpoint import family_of, load_model, load_processor
from pgt_lora.models.encoding import Encoder
from tests.support.conversations import conversations, sample, write_conversations

GENERATION = Generation(batch_size=4, max_new_tokens=4)


@pytest.fixture(scope="module")
def talks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chosen = sample("chosen", "Is it?", "yes", task="chosen", answer_format="word", choices=("yes", "no"))
    return write_conversations(tmp_path_factory.mktemp("data") / "talks", [*conversations(), chosen])


@pytest.fixture(scope="module")
def loaded(base_dir: Path) -> tuple[Any, Encoder]:
    return load_model(str(base_dir)).eval(), Encoder(family_of(str(base_dir)), load_processor(str(base_dir)))


def lines(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "predictions.jsonl").read_text(encoding="utf-8").splitlines()]


def test_every_question_has_the_true_history_and_the_images_up_to_there(talks: Path) -> None:
    rows = open_dataset(talks)
    every = EveryQuestion(rows)
    assert [row["id"] for row in every] == [
        "single", "two#1", "two", "places#1", "places#2", "places", "text", "texts#1", "texts", "chosen",
    ]  # fmt: skip
    places = [row for row in every if row["id"].startswith("places")]
    assert [len(row["images"]) for row in places] == [1, 1, 3]
    assert [row["answer"] for row in places] == ["Yes", "Quite sure, yes.", "the first"]
    assert [row["task"] for row in places] == ["compare (earlier turns)"] * 2 + ["compare"]
    for row in places:
        assert turns(row) == turns(places[-1])[: len(turns(row))]
    assert places[-1] == rows[2]
    assert [row["id"] for row in every.select([5, 1])] == ["places", "two#1"]
    with pytest.raises(InputError, match="--turns 'some': known: all, last"):
        chosen("--turns", "some", Asked)


def test_the_last_question_is_answered_or_all(
    talks: Path, loaded: tuple[Any, Encoder], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = {asked: tmp_path / asked for asked in Asked}
    for asked, path in out.items():
        evaluate(*loaded, talks, path, name="small", generation=GENERATION, asked=asked)
    last, every = lines(out[Asked.LAST]), lines(out[Asked.ALL])
    assert [line["id"] for line in last] == [row["id"] for row in open_dataset(talks)]
    assert [line["question"] for line in last][:3] == [
        "Which color is it?", "And which color is it?", "Which of  and  is larger?",
    ]  # fmt: skip
    assert [line.get("before") for line in last][:3] == [
        None,
        ["What is this?", "A square."],
        ["Answer in one word.", "Is it red? ", "Yes", "Sure?", "Quite sure, yes."],
    ]
    assert [line for line in every if "#" not in line["id"]] == last
    assert [line["expected"] for line in every if "#" in line["id"]] == ["A square.", "Yes", "Quite sure, yes.", "4"]
    assert all({"anls", "f1"} <= line.keys() for line in every if line["id"] != "chosen")
    scores = {asked: read_scores(path) for asked, path in out.items()}
    assert {task: score for task, score in scores[Asked.ALL].items() if "earlier" not in task} == scores[Asked.LAST]
    assert scores[Asked.ALL]["compare (earlier turns)"].num_samples == 2
    facts = json.loads((out[Asked.ALL] / "scores.json").read_text(encoding="utf-8"))
    assert facts["turns"] == "all" and facts["free_text"] == "equality of normalized answers"
    assert "anls" not in facts["tasks"]["chosen"]
    print_scores(scores[Asked.LAST], "scores")
    assert "ANLS" in capsys.readouterr().out


def test_choices_are_weighed_behind_the_history(talks: Path, loaded: tuple[Any, Encoder], tmp_path: Path) -> None:
    evaluate(*loaded, talks, tmp_path / "out", name="small", generation=GENERATION, by=By.PROBABILITY, asked=Asked.ALL)
    made = {line["id"]: line for line in lines(tmp_path / "out")}
    assert set(made["chosen"]["probabilities"]) == {"yes", "no"}
    assert made["places#1"]["by"] == "generation"
