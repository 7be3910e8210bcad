import json
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from pgt_lora.core.errors import InputError
from pgt_lora.core.terminal import console
from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.data.readers.build import ImportSettings, import_data
from pgt_lora.evaluation.evaluate import (
    evaluate,
    evaluate_sets,
    load_for_evaluation,
    predict,
    prediction,
)
from pgt_lora.evaluation.generation import Generation, answer
from pgt_lora.evaluation.held_out import warn_if_trained_on
from pgt_lora.evaluation.reading import parse
from pgt_lora.evaluation.score_files import print_scores, read_facts, read_scores
from pgt_lora.evaluation.scoring import Score
from pgt_lora.models.checkpoint import Checkpoint
from pgt_lora.models.names import resolve
from tests.support import own_data
from tests.support.checkpoints import checkpoint
from tests.support.scored_runs import questions


def test_evaluation_writes_what_it_prints(base_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    model, encoder = load_for_evaluation(checkpoint(base_dir))
    scores = evaluate(model, encoder, data_dir, tmp_path / "out", name="base", generation=Generation(8, 8))
    assert read_scores(tmp_path / "out") == scores
    lines = [json.loads(line) for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()]
    rows = open_dataset(data_dir)
    assert [line["id"] for line in lines] == rows["id"]
    assert [line["expected"] for line in lines] == rows["answer"]
    for line, row in zip(lines, rows, strict=True):
        assert line["parsed"] == parse(line["output"], row["answer_format"], row["choices"])
        assert line["question"] == row["prompt"][0]["content"]
    summary = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert summary["generation"] == {"batch_size": 8, "max_new_tokens": 8, "repetition_penalty": 1.0}
    assert sum(task["num_samples"] for task in summary["tasks"].values()) == len(rows)
    assert sum(task["num_correct"] for task in summary["tasks"].values()) == sum(line["correct"] for line in lines)
    with pytest.raises(InputError, match="exists"):
        evaluate(model, encoder, data_dir, tmp_path / "out", name="base", generation=Generation(8, 8))


def test_data_of_ones_own_are_divided_for_what_is_held_out(tmp_path: Path) -> None:
    table = own_data.questions_json(tmp_path)
    (alone,) = import_data(str(table), tmp_path / "alone")
    divided, test = import_data(str(table), tmp_path / "divided", ImportSettings(test=0.2))
    remedies = {
        alone: f"pgt-lora import {alone} --test 0.1 --out DIR, then train on DIR and evaluate on DIR-test",
        divided: str(test),
    }
    (adapter := tmp_path / "run" / "adapter").mkdir(parents=True)
    for data, remedy in remedies.items():
        (adapter / "run.json").write_text(json.dumps({"content_hash": read_manifest(data)["content_hash"]}))
        with console.capture() as captured:
            warn_if_trained_on(Checkpoint("base", adapter), data)
        assert captured.get().strip().endswith(f"Evaluate on held-out data: {remedy}")


def test_data_that_was_trained_on_is_pointed_out(data_dir: Path, held_out_dir: Path, tmp_path: Path) -> None:
    def said(named: Checkpoint, data: Path) -> str:
        with console.capture() as captured:
            warn_if_trained_on(named, data)
        return captured.get()

    adapter = tmp_path / "run" / "adapter"
    adapter.mkdir(parents=True)
    content_hash = read_manifest(data_dir)["content_hash"]
    records = (
        {"content_hash": content_hash, "data": {}},
        {"content_hash": "a mix", "data": {"sources": {"mine": {"content_hash": content_hash}, "vsr": {}}}},
    )
    for record in records:
        (adapter / "run.json").write_text(json.dumps(record))
        for named in (Checkpoint("base", adapter), Checkpoint(str(tmp_path / "run" / "merged"))):
            assert f"{tmp_path / 'run'} was trained on {data_dir}" in said(named, data_dir)
            assert "Evaluate on held-out data: pgt-lora generate --split test --out DIR" in said(named, data_dir)
            assert said(named, held_out_dir) == ""
        assert said(Checkpoint(str(tmp_path / "run" / "other")), data_dir) == ""
    (adapter / "run.json").unlink()
    assert said(Checkpoint("base", adapter), data_dir) == ""


def test_scores_are_of_the_questions_that_were_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = questions(tmp_path / "pgt")
    asked = read_manifest(data)["content_hash"]

    def answered(*words: Any) -> tuple[Any, list[dict[str, Any]]]:
        rows = open_dataset(data)
        questions(data, {"relation": 2.0, "distance": 1.0})  # another run remakes the directory meanwhile
        return rows, [prediction(row, row["answer"]) for row in rows]

    monkeypatch.setattr("pgt_lora.evaluation.evaluate.answers", answered)
    base = tmp_path / "run" / "base"
    evaluate(None, cast(Any, None), data, base / "pgt", name="base", generation=Generation(8, 8))
    assert read_facts(base / "pgt")["content_hash"] == asked != read_manifest(data)["content_hash"]
    recipe = resolve("tiny-qwen2.5-vl", []).recipe
    with pytest.raises(InputError, match="base/pgt holds scores of another dataset with this name; rename one, or"):
        evaluate_sets(recipe, Checkpoint("base"), {"pgt": data}, tmp_path / "run" / "finetuned")


def test_the_share_of_unread_outputs_is_printed() -> None:
    with console.capture() as captured:
        print_scores({"relation": Score(8, 2, 3, 0.5, 0.1, 0.6)}, "title")
    assert "Unread" in captured.get() and "37.5%" in captured.get()


def test_a_batch_answers_as_one_at_a_time(base_dir: Path, data_dir: Path) -> None:
    model, encoder = load_for_evaluation(checkpoint(base_dir))
    # Random weights answer alike whatever they see; larger ones make every question its own answer.
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4) if parameter.ndim > 1 else None
    rows = open_dataset(data_dir).select(range(12))
    alone = [next(answer(model, encoder, [row], Generation(1, 6))) for row in rows]
    assert list(answer(model, encoder, rows, Generation(12, 6))) == alone
    assert len(set(alone)) > 1
    made = predict(model, encoder, rows, Generation(5, 6))
    assert [each["output"] for each in made] == alone
    assert [each["id"] for each in made] == rows["id"]


def test_questions_of_like_length_are_answered_together(
    base_dir: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, encoder = load_for_evaluation(checkpoint(base_dir))
    padding = []
    generate = model.generate

    def counted(**batch: Any) -> torch.Tensor:
        padding.append(int((batch["attention_mask"] == 0).sum()))
        return generate(**batch)

    monkeypatch.setattr(model, "generate", counted)
    rows = open_dataset(data_dir)
    list(answer(model, encoder, rows, Generation(8, 1)))
    usual = sum(padding)
    padding.clear()
    predict(model, encoder, rows, Generation(8, 1))
    assert len(padding) == 4
    assert sum(padding) < usual / 2


def test_generation_stops_at_the_end_token(base_dir: Path, data_dir: Path) -> None:
    model, encoder = load_for_evaluation(checkpoint(base_dir))
    rows = [open_dataset(data_dir)[0]]
    end = encoder.processor.tokenizer.convert_tokens_to_ids("<|im_end|>")
    with torch.no_grad():
        # The head is tied to the embedding: one row far along the last hidden state makes its token the answer.
        hidden = model.model(**encoder.prompts(rows)).last_hidden_state[0, -1]
        model.lm_head.weight[end] = 100 * hidden
    assert list(answer(model, encoder, rows, Generation(1, 8))) == [""]
