"""Scores, their intervals and groups."""

from dataclasses import replace

import pytest

from pgt_lora.evaluation.scoring import wilson
from pgt_lora.studies.benchmarks.catalog import BENCHMARKS, SUITES
from pgt_lora.studies.benchmarks.reading import Item
from pgt_lora.studies.benchmarks.scores import Estimate, by_group, estimate, published, read_items
from tests.support.recorded_logs import LOGS, QWEN, item


def test_a_single_share_has_the_interval_of_every_other_score() -> None:
    items = [item(index < 30, group=str(index)) for index in range(40)]
    assert estimate([[items]]) == Estimate(0.75, *wilson(30, 40), 40, 0.0)


def test_unread_outputs_are_weighed_as_the_score_is() -> None:
    def some(unread: int, read: int, name: str) -> list[Item]:
        return [item(True, group=f"{name}{i}", parsed=None if i < unread else "A") for i in range(unread + read)]

    assert estimate([[some(10, 30, "a")]]).unread == 10 / 40
    assert estimate([[some(10, 0, "a")], [some(0, 30, "b"), some(10, 10, "c")]]).unread == pytest.approx(0.625)


def test_means_weigh_parts_alike_and_within_them_leaves_alike() -> None:
    def some(right: int, wrong: int, name: str) -> list[Item]:
        return [item(index < right, group=f"{name}{index}") for index in range(right + wrong)]

    found = estimate([[some(10, 0, "a")], [some(0, 30, "b"), some(10, 10, "c")]])
    assert found.value == pytest.approx((1 + (0 + 0.5) / 2) / 2)
    assert found.low <= found.value <= found.high
    assert found.num_items == 60


def test_items_of_one_image_count_together() -> None:
    apart = [item(index % 2 == 0, group=str(index)) for index in range(200)]
    together = [replace(each, group=str(int(each.group) // 20 * 2 + int(each.group) % 2)) for each in apart]
    other = [item(group=f"other{index}") for index in range(200)]
    widths = [(found := estimate([[each], [other]])).high - found.low for each in (apart, together)]
    assert widths[1] > 2 * widths[0]


def test_a_group_is_told_only_where_all_its_parts_were_run() -> None:
    items = {name: read_items(BENCHMARKS[name], LOGS) for name in SUITES["3d"]}
    (found,) = by_group(items, BENCHMARKS).items()
    assert found[0] == "3D/Depth"
    assert found[1].num_items == 6 + 6  # of BLINK the depth alone
    del items["blink"]
    assert by_group(items, BENCHMARKS) == {}


def test_the_paper_stands_beside_the_models_that_it_reports() -> None:
    assert published(QWEN, "MMVP") == pytest.approx({"base": 0.373, "pgt": 0.453, "specialized-mix": 0.42})
    assert published("Qwen/Qwen2.5-VL-72B-Instruct", "MMVP") == {}
    assert published(QWEN, None) == {}
