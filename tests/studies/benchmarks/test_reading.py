"""What lmms-eval logged (version 0.7.3, on `benchmark_copies`) is read and counted."""

from pathlib import Path
from typing import Any

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.studies.benchmarks.catalog import BENCHMARKS, own
from pgt_lora.studies.benchmarks.scores import estimate, leaves, read_items
from tests.support.recorded_logs import LOGS, PRINTED, logs_with


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_recorded_log_is_read(name: str) -> None:
    each = BENCHMARKS[name]
    items = read_items(each, LOGS)
    assert {item.task for item in items} == {name}
    assert len({item.id for item in items}) == len(items) > 1
    assert all(item.question and item.expected for item in items)
    assert all(item.choices is None or item.expected in item.choices for item in items)
    (metric,) = {
        "cv_bench_2d": ("cv_bench_acc",), "cv_bench_3d": ("cv_bench_acc",), "mmvp": ("mmvp_pair_accuracy",),
        "mmstar": ("average",), "pope": ("pope_accuracy",), "realworldqa": ("exact_match",), "gqa": ("exact_match",),
        "ai2d": ("exact_match",),
    }.get(each.tasks[0], ("blink_acc" if "blink" in name else "accuracy",))  # fmt: skip
    values = [v for task in each.tasks for key, v in PRINTED[task].items() if key.partition(",")[0] == metric]
    assert len(values) == len(each.tasks)
    assert estimate([leaves(each, items)]).value == pytest.approx(sum(values) / len(values))


def test_a_dataset_directory_is_a_benchmark_whose_tasks_stand_apart() -> None:
    items = read_items(own("held-out"), LOGS)
    assert {item.task for item in items} >= {"held-out/counting", "held-out/distance"}
    assert estimate([leaves(own("held-out"), items)]).num_items == 12


def test_pope_counts_what_states_yes_or_no(tmp_path: Path) -> None:
    said = ["Yes.", "No", "no, there is not", "Yes, there is a box", "Yes and no", ""]
    logs = logs_with(tmp_path, "pope", lambda each: each.update(filtered_resps=said[each["doc_id"]]))
    items = read_items(BENCHMARKS["pope"], logs)
    assert [each.parsed for each in items] == ["yes", "no", "no", "yes", None, None]
    assert [each.expected for each in items] == ["yes", "no"] * 3
    assert [each.correct for each in items] == [True, True, False, False, False, False]


def test_mmvp_counts_pairs(tmp_path: Path) -> None:
    right = {0, 1, 2, 5}  # the first pair alone is whole
    logs = logs_with(
        tmp_path, "mmvp", lambda each: each["mmvp_pair_accuracy"].update(is_correct=each["doc_id"] in right)
    )
    items = read_items(BENCHMARKS["mmvp"], logs)
    assert [each.correct for each in items] == [True, False, False]
    assert [each.expected for each in items] == ["A B"] * 3
    assert len(items[0].choices or ()) == 4
    logs = logs_with(tmp_path, "mmvp", lambda each: each["doc_id"] < 3)
    with pytest.raises(InputError, match="pair 1 has 1 of its 2 questions; give an even --limit"):
        read_items(BENCHMARKS["mmvp"], logs)


def test_mmstar_is_the_mean_over_its_l2_categories(tmp_path: Path) -> None:
    scores = [1.0, 1.0, 0.0, 0.0, 1.0, 0.0]  # counting 1 of 1, recognition 1 of 3, geometry 1 of 2
    logs = logs_with(tmp_path, "mmstar", lambda each: each["average"].update(score=scores[each["doc_id"]]))
    items = read_items(BENCHMARKS["mmstar"], logs)
    assert estimate([leaves(BENCHMARKS["mmstar"], items)]).value == pytest.approx((1 + 1 / 3 + 1 / 2) / 3)


def test_what_the_model_failed_on_is_not_taken_for_wrong(tmp_path: Path) -> None:
    def fail(each: dict[str, Any]) -> None:
        each.update(filtered_resps="", token_counts=[None])

    with pytest.raises(InputError, match=r"pope: the model failed on 6 items \(first: 0\)"):
        read_items(BENCHMARKS["pope"], logs_with(tmp_path, "pope", fail))
    with pytest.raises(InputError, match="no log of gqa"):
        read_items(BENCHMARKS["gqa"], tmp_path / "logs")
