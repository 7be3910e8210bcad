"""What benchmarks there are."""

from itertools import chain

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.evaluation.paper import BENCHMARKS as COLUMNS
from pgt_lora.studies.benchmarks.catalog import BENCHMARKS, GROUPS, SUITES, choose
from pgt_lora.studies.benchmarks.scores import read_items
from tests.support.recorded_logs import LOGS


def test_the_thirteen_benchmarks_of_the_paper_are_there_once_each() -> None:
    assert tuple(each.column for each in BENCHMARKS.values() if each.column) == COLUMNS
    assert SUITES["paper"] == tuple(BENCHMARKS)
    tasks = list(chain.from_iterable(each.tasks for each in BENCHMARKS.values()))
    assert len(set(tasks)) == len(tasks)


def test_groups_are_made_of_benchmarks_and_their_categories() -> None:
    items = {name: read_items(each, LOGS) for name, each in BENCHMARKS.items()}
    for name in chain.from_iterable(GROUPS.values()):
        benchmark_name, _, category = name.partition(":")
        assert not category or category in {each.category for each in items[benchmark_name]}, name
    assert set(SUITES["general"]) == set(GROUPS["General"])
    assert SUITES["3d"] == ("cv-bench-3d", "blink")
    assert [each.name for each in choose("vsr, pope")] == ["vsr", "pope"]
    with pytest.raises(InputError, match=r"known suites: .*quick.*benchmarks: .*pope"):
        choose("vsr,popes")
