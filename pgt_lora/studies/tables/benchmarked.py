"""The table of benchmarked models, with the paper's rows under their own."""

from collections.abc import Mapping, Sequence

from pgt_lora.core.errors import InputError
from pgt_lora.evaluation.paired import BASE, Difference, Result, contrasts
from pgt_lora.studies.benchmarks.reference import predictions_of
from pgt_lora.studies.benchmarks.scores import items_of
from pgt_lora.studies.tables.scored import Benchmarked
from pgt_lora.studies.tables.table import Block, Cell, Row, Table, model_name, told

TITLE = "Benchmarks"


def benchmark_table(models: Sequence[Benchmarked]) -> Table:
    """Return the scores of benchmarked models; what was trained is tested against its base, where that is among them.

    Raises:
        InputError: two were asked in different words.
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
    """Return the differences from the base, by benchmark; none where both did not answer the same items."""
    ours, theirs = predictions_of(model.home), predictions_of(reference.home)
    shared = {each["task"] for each in ours} & {each["task"] for each in theirs}
    ours, theirs = ([each for each in every if each["task"] in shared] for every in (ours, theirs))
    if not shared or [each["id"] for each in ours] != [each["id"] for each in theirs]:
        raise InputError(
            f"{model.home}: has other items than {reference.home}; benchmark both alike, or make a table of each"
        )
    result = Result(items_of(ours, TITLE, model.home), {BASE: [theirs], "tuned": [ours]})
    (contrast,) = contrasts([result], [BASE, "tuned"])
    return {row.task: row for row in contrast.rows}


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
