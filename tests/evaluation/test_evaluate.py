import json
from pathlib import Path
from typing import Any

import pytest
import torch

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import open_dataset
from pgt_lora.evaluation.evaluate import Generation, answer, evaluate, load_for_evaluation, predict, read_scores
from pgt_lora.evaluation.reading import parse
from tests.support.checkpoints import checkpoint


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
