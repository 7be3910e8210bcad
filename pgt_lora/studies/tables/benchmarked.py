"""The table of benchmarked models, with the paper's rows under their own."""

from collections.abc import Mapping, Sequence
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.evaluation.paired import BASE, Difference, Result, contrasts
from pgt_lora.studies.benchmarks.reference import same_items
from pgt_lora.studies.benchmarks.scores import items_of
from pgt_lora.studies.tables.scored import Benchmarked
from pgt_lora.studies.tables.table import Block, Cell, Row, Table, model_name, told

TITLE = "Benchmarks"


def benchmark_table(models: Sequence[Benchmarked]) -> Table:
    """Return the scores of benchmarked models; what was trained is tested against its base, where that is among them.

    Raises:
        InputError: two were asked in different words, or otherwise differently.
    """
    prompts = {each.facts.get("prompts", "lmms-eval"): each for each in models}
    if len(prompts) > 1:
        (words, one), (other_words, other) = list(prompts.items())[:2]
        raise InputError(
            f"{one.home}: asked with --prompts {words}, and {other.home} with {other_words}; one table holds one"
        )
    columns = tuple(dict.fromkeys(name for each in models for name in each.facts["benchmarks"]))
    blocks = []
    for base in dict.fromkeys(each.base for each in models):
        own = sorted((each for each in models if each.base == base), key=lambda each: bool(each.facts["tuned"]))
        reference = None if own[0].facts["tuned"] else own[0]
        rows = [_row(each, columns, reference) for each in own]
        blocks.append(Block(model_name(base), (*rows, *_paper_rows(own, columns))))
    return Table(TITLE, columns, tuple(blocks))


def _row(model: Benchmarked, columns: Sequence[str], reference: Benchmarked | None) -> Row:
    scores = model.facts["benchmarks"]
    tests = {} if reference is None or reference is model else _tests(model, reference)
    cells = []
    for name in columns:
        score = scores.get(name)
        cells.append(
            Cell(score["value"], score["low"], score["high"], None, score.get("unread"), *told(tests.get(name)))
            if score
            else None
        )
    return Row(model.home.resolve().name if model.facts["tuned"] else BASE, tuple(cells))


def _tests(model: Benchmarked, reference: Benchmarked) -> Mapping[str, Difference]:
    """Return the differences from the base, by benchmark; of a dataset directory, that of the mean over its tasks.

    Raises:
        InputError: both did not answer the same items, or were asked otherwise.
    """
    ours, theirs = same_items(model.home, reference.home)
    results = []
    for name in dict.fromkeys(_benchmark(each) for each in ours):
        one, other = ([each for each in every if _benchmark(each) == name] for every in (ours, theirs))
        results.append(Result(items_of(one, name, model.home), {BASE: [other], "tuned": [one]}))
    return {each.title: each.rows[-1] for each in contrasts(results, [BASE, "tuned"])}


def _benchmark(answer: Mapping[str, Any]) -> str:
    """Return the benchmark that an answer is of: the tasks of a dataset directory are named behind a slash."""
    return str(answer["task"]).partition("/")[0]


def _paper_rows(models: Sequence[Benchmarked], columns: Sequence[str]) -> list[Row]:
    by_name: dict[str, Mapping[str, float]] = {}
    for each in models:
        by_name |= {name: score.get("paper", {}) for name, score in each.facts["benchmarks"].items()}
    arms = dict.fromkeys(arm for scores in by_name.values() for arm in scores)
    found = []
    for arm in arms:
        cells = (by_name.get(name, {}).get(arm) for name in columns)
        found.append(Row(arm, tuple(None if each is None else Cell(each) for each in cells), is_paper=True))
    return found
