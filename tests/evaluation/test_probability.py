"""Given answers are scored by the probability that the model itself gives them."""

import json
from math import exp
from pathlib import Path
from typing import Any

import pytest
import torch

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import open_dataset
from pgt_lora.data.generate import generate
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.evaluation.evaluate import evaluate, load_encoder, load_for_evaluation, predict
from pgt_lora.evaluation.generation import Generation
from pgt_lora.evaluation.probability import By, beginnings, choice_ids, log_probabilities
from pgt_lora.models.encoding import Encoder
from tests.support.checkpoints import checkpoint
from tests.support.command import call
from tests.support.discovered import CASE_NAMES, CASES, FAMILIES, small_model, small_processor

SETTINGS = TaskSettings(Canvas(112, 112))


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Three questions of two lengths, with choices of one token and of several; one choice begins another."""
    directory = tmp_path_factory.mktemp("data") / "pgt"
    generate(directory, num_samples=3, seed=1, settings=SETTINGS, weights={"absolute_position": 0.5, "relation": 0.5})
    listed = {"absolute_position": ["center", "center right", "bottom left"], "relation": ["left", "no way"]}
    found = [{**row, "choices": listed[row["task"]]} for row in open_dataset(directory).to_list()]
    assert {row["task"] for row in found} == set(listed)
    return found


def decided(model: Any) -> Any:
    """The model with larger weights: small random ones say much the same to everything."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3) if parameter.ndim > 1 else None
    return model.eval()


# Each takes a second for its tokenizer; what stands before an answer is tested where it is encoded.
EVERY = [
    pytest.param(case, id=name, marks=() if name == "qwen2_5_vl" else pytest.mark.slow)
    for case, name in zip(CASES, CASE_NAMES, strict=True)
]


@pytest.mark.parametrize("case", EVERY)
def test_probabilities_are_those_of_the_whole_sequence_in_any_batch(
    case: tuple[str, str | None], rows: list[dict[str, Any]]
) -> None:
    encoder, model = Encoder(FAMILIES[case[0]], small_processor(*case)), decided(small_model(*case))
    found = list(log_probabilities(model, encoder, rows, 2))
    assert not encoder.texts  # sixteen choices of every question would fill the memory
    each = [(row, index, choice) for row in rows for index, choice in enumerate(row["choices"])]
    # As in training: the question, the answer and the token that ends it, each sequence padded to the longest.
    batch = encoder.training_batch(
        [{**row, "completion": [{"role": "assistant", "content": choice}]} for row, _, choice in each]
    )
    labels = batch.pop("labels")[:, 1:]
    with torch.no_grad():
        scores = model(**batch).logits[:, :-1].log_softmax(-1).gather(2, labels.clamp(min=0)[..., None])[..., 0]
    values = [value for of_row in found for value in of_row]
    for (row, index, _), label, score, value in zip(each, labels, scores, values, strict=True):
        num_tokens = len(choice_ids(encoder, row)[index])
        assert value == pytest.approx(float(score[label >= 0][:num_tokens].sum()), abs=2e-5)
    assert len(set(values)) == len(values)


def test_what_is_kept_is_named_where_it_lies(rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, model = Encoder(FAMILIES["qwen2_5_vl"], small_processor("qwen2_5_vl")), small_model("qwen2_5_vl")
    seen: list[Any] = []
    hook = model.register_forward_pre_hook(lambda _, __, words: seen.append(words["logits_to_keep"]), with_kwargs=True)
    next(log_probabilities(model, encoder, rows, 2))
    hook.remove()
    # A tensor would be moved to the first of several GPUs, and the last layer's states are on the last.
    assert seen and all(type(place) is int for places in seen for place in places)


def test_choices_of_one_token_take_one_forward_and_longer_ones_as_few_as_differ() -> None:
    assert beginnings([(1,), (2,), (3,)]) == [((), [0, 1, 2])]
    assert beginnings([(1,), (2, 5), (2, 6), (3, 7)]) == [((2,), [0, 1, 2]), ((3,), [3])]
    assert beginnings([(2, 5, 9), (2, 9)]) == [((2, 5), [0, 1])]


def test_the_end_counts_where_a_choice_goes_on_behind_another(base_dir: Path, rows: list[dict[str, Any]]) -> None:
    encoder = load_encoder(checkpoint(base_dir))
    row = next(row for row in rows if row["task"] == "relation")
    apart = choice_ids(encoder, {**row, "choices": ["left", "right"]})
    assert all(encoder.end_id not in ids for ids in apart)
    nested = choice_ids(encoder, {**row, "choices": ["center", "center right"]})
    assert [ids[-1] for ids in nested] == [encoder.end_id] * 2
    with pytest.raises(InputError, match=rf"row {row['id']}: two of its choices have the same tokens.*'left', 'left'"):
        choice_ids(encoder, {**row, "choices": ["left", "left"]})


def test_the_likeliest_choice_is_the_answer_with_and_without_a_cache(base_dir: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    generate(data, num_samples=8, seed=2, settings=SETTINGS, weights={"coordinates": 0.3, "counting": 0.7})
    model, encoder = load_for_evaluation(checkpoint(base_dir))
    decided(model)
    for out, gigabytes in (("plain", 0.0), ("cached", 1.0)):
        evaluate(
            model, encoder, data, tmp_path / out, name="base", generation=Generation(8, 4), by=By.PROBABILITY,
            feature_cache_gb=gigabytes,
        )  # fmt: skip
    lines, cached = (
        [json.loads(line) for line in (tmp_path / out / "predictions.jsonl").read_text().splitlines()]
        for out in ("plain", "cached")
    )
    assert list(tmp_path.glob("*-features-*"))
    rows = open_dataset(data).to_list()
    for line, again, row in zip(lines, cached, rows, strict=True):
        if not row["choices"]:
            assert line["by"] == "generation" and "probabilities" not in line
            continue
        assert line["by"] == again["by"] == "probability"
        assert list(line["probabilities"]) == row["choices"]
        assert line["parsed"] == line["output"] == max(line["probabilities"], key=line["probabilities"].get)
        assert line["correct"] == (line["parsed"] == row["answer"])
        assert 0 < sum(line["probabilities"].values()) <= 1 + 1e-6
        assert again["probabilities"] == pytest.approx(line["probabilities"], rel=1e-3)
    index = next(index for index, row in enumerate(rows) if row["choices"])
    (alone,) = log_probabilities(model, encoder, [rows[index]], 1)
    assert list(lines[index]["probabilities"].values()) == pytest.approx([exp(each) for each in alone], rel=1e-3)
    assert json.loads((tmp_path / "plain" / "scores.json").read_text())["by"] == "probability"
    assert {each["by"] for each in predict(model, encoder, open_dataset(data).select([0]), Generation(1, 2))} == {
        "generation"
    }


def test_what_cannot_be_decided_is_refused_in_one_line(
    base_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    points = tmp_path / "points"
    generate(points, num_samples=2, seed=1, settings=SETTINGS, weights={"coordinates": 1.0})
    for by, says in (("probability", "no row has choices"), ("odds", "--by 'odds': known: generation, probability")):
        words = ("evaluate", base_dir, "--eval-data", points, "--out", tmp_path / "out", "--by", by)
        status, error = call(monkeypatch, capsys, *words)
        assert status == 2
        assert says in error.splitlines()[-1]
    assert not (tmp_path / "out").exists()
