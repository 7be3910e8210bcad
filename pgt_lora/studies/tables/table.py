"""Tables of runs: a block for each base, a row for each arm, what differs from the base by the corrected test."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pgt_lora.core.errors import InputError
from pgt_lora.core.workspace import shipped_path
from pgt_lora.evaluation.held_out import title
from pgt_lora.evaluation.paired import Contrast, Difference, Result, contrasts, read_items, read_result
from pgt_lora.evaluation.paper import BENCHMARKS, TABLE_2
from pgt_lora.evaluation.score_files import scored_data
from pgt_lora.studies.tables.scored import Scored

PAPER = "The paper's own scores (its table 2)"


@dataclass(frozen=True)
class Cell:
    """One score as a share, with its 95% interval, the seeds' standard deviation and the share of unread outputs.

    `differs` is 1 or -1 where it is above or below the block's first row by more than noise, with that test's `p`.
    """

    value: float
    low: float | None = None
    high: float | None = None
    spread: float | None = None
    unread: float | None = None
    p: float | None = None
    differs: int = 0


@dataclass(frozen=True)
class Row:
    """The scores of one arm, over `num_seeds` seeds; None where it has no score in a column."""

    arm: str
    cells: tuple[Cell | None, ...]
    num_seeds: int = 1
    is_paper: bool = False


@dataclass(frozen=True)
class Block:
    """The rows of one base model."""

    model: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Table:
    """Scores on one evaluation set, column by column, with the items and the chance of each column, where known."""

    title: str
    columns: tuple[str, ...]
    blocks: tuple[Block, ...]
    counts: tuple[int, ...] = ()
    chances: tuple[float, ...] = ()


def set_tables(scored: Sequence[Scored]) -> list[Table]:
    """Return a table for each evaluation set.

    Raises:
        InputError: an evaluation set is gone or has changed since it was asked, or arms cannot be compared.
    """
    found: dict[str, list[tuple[str, Result, list[Contrast], Mapping[str, int]]]] = {}
    for base in dict.fromkeys(each.base for each in scored):
        for name, of_set in _results([each for each in scored if each.base == base]).items():
            found.setdefault(name, []).append((base, *of_set))
    return [_table(of_set) for of_set in found.values()]


def _results(scored: Sequence[Scored]) -> Mapping[str, tuple[Result, list[Contrast], Mapping[str, int]]]:
    """Return the answers of one base's arms by set; sets with the same arms are corrected together."""
    labels = _labels(scored)
    by_arms: dict[tuple[str, ...], list[tuple[str, dict[str, list[Path]]]]] = {}
    for content_hash in dict.fromkeys(name for each in scored for name in each.sets):
        arms: dict[str, list[Path]] = {}
        for each in scored:
            if content_hash in each.sets:
                arms.setdefault(labels[each.key], []).append(each.sets[content_hash])
        by_arms.setdefault(tuple(arms), []).append((content_hash, arms))
    found = {}
    for names, sets in by_arms.items():
        results = [_result(content_hash, arms) for content_hash, arms in sets]
        compared = _against_first(results, names)
        for (content_hash, arms), result in zip(sets, results, strict=True):
            of_set = [each for each in compared if each.title == result.items.title]
            found[content_hash] = result, of_set, {arm: len(paths) for arm, paths in arms.items()}
    return found


def _against_first(results: Sequence[Result], arms: Sequence[str]) -> list[Contrast]:
    """Return the differences of every arm from the first alone: other arms may have other numbers of seeds.

    Raises:
        InputError: an arm and the first have several seeds each, and not equally many.
    """
    first, found = arms[0], []
    for arm in arms[1:]:
        for result in results:
            ours, theirs = (len(result.predictions[each]) for each in (arm, first))
            if 1 not in (ours, theirs) and ours != theirs:
                raise InputError(
                    f"{result.items.title}: {arm} has {ours} seeds and {first}, from which it is to differ, {theirs}; "
                    "give runs of the same seeds, or one that scored the base, too"
                )
        found += [each for each in contrasts(results, (first, arm)) if each.reference == first]
    return found


def _labels(scored: Sequence[Scored]) -> dict[str, str]:
    """Return a name for each arm; where two arms have one name, the directories' names stand beside it."""
    arms = {each.key: each for each in reversed(scored)}
    names = [each.arm for each in arms.values()]
    return {
        key: each.arm if names.count(each.arm) == 1 else f"{each.arm} ({each.home})"
        for key, each in reversed(arms.items())
    }


def _result(content_hash: str, arms: Mapping[str, Sequence[Path]]) -> Result:
    directory = next(iter(arms.values()))[0]
    data = scored_data(directory)
    name = re.sub(rf"-{content_hash[:12]}$", "", directory.name)  # as comparisons name their sets
    return read_result(read_items(title(name), data), arms)


def _table(of_set: Sequence[tuple[str, Result, list[Contrast], Mapping[str, int]]]) -> Table:
    blocks = []
    for base, result, compared, seeds in of_set:
        differences = {each.arm: each.rows for each in compared}
        rows = []
        for arm, scores in result.scores.items():
            tests: Sequence[Difference | None] = differences.get(arm) or [None] * len(scores)
            cells = tuple(
                Cell(score.value, score.low, score.high, score.spread, score.unread, *told(test))
                for score, test in zip(scores, tests, strict=True)
            )
            rows.append(Row(arm, cells, seeds[arm]))
        blocks.append(Block(model_name(base), tuple(rows)))
    items = of_set[0][1].items
    return Table(items.title, items.columns, tuple(blocks), tuple(items.counts), tuple(items.chances))


def told(test: Difference | None) -> tuple[float | None, int]:
    """Return a difference's p-value, and whether it is a gain, a loss or no more than noise: 1, -1 or 0."""
    return (None, 0) if test is None else (test.p, (1 if test.value > 0 else -1) if test.found else 0)


def model_name(base: str) -> str:
    """Return what a base is called: as in the paper, as on the Hub, or as its directory."""
    if base in TABLE_2:
        return TABLE_2[base].model
    return Path(base).name if Path(shipped_path(base)).is_dir() else base


def paper_table(bases: Sequence[str]) -> Table | None:
    """Return what the paper reports of these bases; None where it reports none of them."""
    blocks = []
    for base in dict.fromkeys(bases):
        if base in TABLE_2:
            published = TABLE_2[base]
            rows = [
                Row(arm, tuple(Cell(each / 100) for each in scores), is_paper=True)
                for arm, scores in published.scores.items()
            ]
            blocks.append(Block(published.model, tuple(rows)))
    return Table(PAPER, BENCHMARKS, tuple(blocks)) if blocks else None
