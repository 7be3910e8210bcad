"""All tables of the directories that were named."""

from collections.abc import Sequence
from pathlib import Path

from pgt_lora.studies.tables.benchmarked import benchmark_table
from pgt_lora.studies.tables.scored import read_all
from pgt_lora.studies.tables.table import Table, paper_table, set_tables


def all_tables(directories: Sequence[Path]) -> list[Table]:
    """Return a table for each evaluation set, one of the benchmarks, and one of the paper's other rows.

    Raises:
        InputError: a directory holds no scores, or what was asked is gone.
    """
    scored, benchmarked = read_all(directories)
    tables = set_tables(scored)
    if benchmarked:
        tables.append(benchmark_table(benchmarked))
    shown = {each.base for each in benchmarked}
    published = paper_table([each.base for each in scored if each.base not in shown])
    return [*tables, published] if published else tables
