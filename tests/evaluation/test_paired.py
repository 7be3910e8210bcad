"""Differences between arms, item by item."""

import json
from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import open_dataset
from pgt_lora.evaluation.paired import Result, contrasts, pairs, read_items, read_result
from tests.support.comparisons import made_up
from tests.support.scored_runs import questions, scored


def test_up_to_chance_is_no_finding(held_out_dir: Path) -> None:
    result = made_up(held_out_dir, {"mine": 0.02})
    right = contrasts([result], ["base", "mine"])[0]
    assert all(row.found for row in right.rows)  # the base is above chance
    nothing = Result(
        result.items, result.predictions | {"base": made_up(held_out_dir, {"base": 0.0}).predictions["base"]}
    )
    assert not any(row.found for row in contrasts([nothing], ["base", "mine"])[0].rows)


def test_differences_by_hand(held_out_dir: Path) -> None:
    result = made_up(held_out_dir, {"mine": 0.9}, seeds=2)
    (contrast,) = contrasts([result], ["base", "mine"])
    base, mine = result.right("base"), result.right("mine")
    for index, row in enumerate(contrast.rows[:2]):
        of_task = result.items.task == index
        assert row.value == pytest.approx(mine[:, of_task].mean() - base[:, of_task].mean())
        assert row.won == int((mine.mean(0) > base[0])[of_task].sum())
        assert row.lost == int((mine.mean(0) < base[0])[of_task].sum())
        assert row.low < row.value < row.high
        assert len(row.mcnemar) == 2
    assert contrast.rows[2].value == pytest.approx((contrast.rows[0].value + contrast.rows[1].value) / 2)


def test_every_arm_meets_the_first_and_the_first_that_was_trained() -> None:
    assert pairs(["base", "a", "b"]) == [("a", "base"), ("b", "base"), ("b", "a")]
    assert pairs(["a", "b", "c"]) == [("b", "a"), ("c", "a")]
    assert pairs(["a", "base"]) == [("base", "a")]


def test_answers_to_other_items_are_refused(held_out_dir: Path, tmp_path: Path) -> None:
    items = read_items("held out", held_out_dir)
    (tmp_path / "predictions.jsonl").write_text(json.dumps({"id": "another"}) + "\n")
    with pytest.raises(InputError, match="not the items of"):
        read_result(items, {"a": [tmp_path]})


def test_other_questions_under_the_same_ids_are_refused(tmp_path: Path) -> None:
    data = questions(tmp_path / "data")
    scored(tmp_path / "scores", data, {"relation": 0.5, "distance": 0.5})
    ids = open_dataset(data)["id"]
    questions(data, {"relation": 2.0, "distance": 1.0})
    assert open_dataset(data)["id"] == ids
    with pytest.raises(InputError, match="not the items of"):
        read_result(read_items("made up", data), {"a": [tmp_path / "scores"]})
