"""The thirteen benchmarks of the paper's table 2: what asks them, what counts, and which group they are of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from pgt_lora.core.errors import InputError, choices
from pgt_lora.evaluation.probability import By
from pgt_lora.studies.benchmarks import reading
from pgt_lora.studies.benchmarks.paper_forms import FORMS, Wording
from pgt_lora.studies.benchmarks.reading import Item, Logged, Reader

OWN = "pgt_"  # the names of this project's own tasks begin so


class Prompts(StrEnum):
    """Whose words ask: lmms-eval's and this kit's own through lmms-eval, or the paper's by this kit's evaluator."""

    LMMS_EVAL = "lmms-eval"
    PAPER = "paper"


@dataclass(frozen=True)
class Benchmark:
    """One benchmark.

    `tasks` are lmms-eval's names. `read(task, logged)` reads one logged item. `column` is the paper's heading; None for
    what is run for a group alone. The score is the share of items that are right or, with `by_category`, the mean of
    that share over the categories. `join` makes one item of several. With `apart`, the categories differ in
    how they are asked and answered, so that each is a task of its own in `scores.json`. In the paper's form, `wording`
    says how its words are known, and `by` what decides an answer.
    """

    name: str
    tasks: tuple[str, ...]
    read: Reader
    column: str | None = None
    by_category: bool = False
    apart: bool = False
    join: Callable[[Sequence[Item], Sequence[Logged]], list[Item]] | None = None
    note: str = ""
    wording: Wording | None = None
    by: By = By.GENERATION

    def named(self, item: Item) -> Item:
        """Return an item with the task that it is of in `scores.json`."""
        return replace(item, task=f"{self.name}/{item.category}" if self.apart else self.name)


_cv_bench = reading.verdict("cv_bench_acc", "gt_content", "pred_parsed", "task")
_blink = reading.verdict("blink_acc", "gt_content", "pred_parsed")

# In the order of the paper's table 2.
_ALL = (
    Benchmark("whatsup", ("pgt_whatsup",), reading.kit, "What'sUp"),
    Benchmark("vsr", ("pgt_vsr",), reading.kit, "VSR"),
    Benchmark("cv-bench-2d", ("cv_bench_2d",), _cv_bench, "CV-2D"),
    Benchmark("cv-bench-3d", ("cv_bench_3d",), _cv_bench, "CV-3D"),
    Benchmark("tallyqa", ("pgt_tallyqa",), reading.kit, "TallyQA"),
    Benchmark("realworldqa", ("realworldqa",), reading.exact, "RWQA"),
    Benchmark(
        "blink", ("blink_spatial_relation", "blink_relative_depth", "blink_object_localization"), _blink, "BLINK", True,
        note='BLINK has no "relational" part, which the paper names beside "spatial": Spatial_Relation serves for both',
    ),
    Benchmark("blink-counting", ("blink_counting",), _blink),
    Benchmark(
        "mmvp", ("mmvp",), reading.verdict("mmvp_pair_accuracy", "gt", "pred_letter"), "MMVP",
        join=reading.mmvp_pairs, note="pairs: the paper's values are multiples of 1/150",
    ),
    Benchmark("seed", ("pgt_seedbench",), reading.seed, "SEED", note="the questions on single images"),
    Benchmark("mmstar", ("mmstar",), reading.mmstar, "MMStar", True, note="mean over the l2 categories"),
    Benchmark("gqa", ("gqa",), reading.exact, "GQA"),
    Benchmark("ai2d", ("ai2d",), reading.exact, "AI2D"),
    Benchmark("pope", ("pope",), reading.pope, "POPE", note='"Yes." counts as yes'),
)  # fmt: skip
BENCHMARKS: Mapping[str, Benchmark] = {each.name: each for each in _ALL}

# The paper's section 5. After a colon stands one category of a benchmark.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Relational": ("whatsup", "vsr", "cv-bench-2d:Relation", "seed:Spatial Relation", "blink:blink_spatial_relation"),
    "Counting": ("tallyqa", "mmstar:object counting", "seed:Instances Counting", "cv-bench-2d:Count", "blink-counting"),
    "3D/Depth": ("cv-bench-3d", "blink:blink_relative_depth"),
    "General": ("gqa", "ai2d", "pope", "realworldqa", "mmvp", "seed", "mmstar"),
}


def _of_group(title: str) -> tuple[str, ...]:
    wanted = {part.partition(":")[0] for part in GROUPS[title]}
    return tuple(name for name in BENCHMARKS if name in wanted)


SUITES: Mapping[str, tuple[str, ...]] = {
    "paper": tuple(BENCHMARKS),
    "relational": _of_group("Relational"),
    "counting": _of_group("Counting"),
    "3d": _of_group("3D/Depth"),
    "general": _of_group("General"),
    "quick": ("realworldqa", "blink", "blink-counting", "mmvp"),  # small, whole, and something of every group
}


def choose(suite: str, prompts: Prompts = Prompts.LMMS_EVAL) -> list[Benchmark]:
    """Return the benchmarks of a suite, or those named with commas between; in the paper's form, what is known of it.

    Raises:
        InputError: there is none of that name, or none of them is known in the paper's form.
    """
    names = SUITES.get(suite) or tuple(name.strip() for name in suite.split(",") if name.strip())
    for name in names:
        if name not in BENCHMARKS:
            raise InputError(f"--suite {name!r}: known suites: {choices(SUITES)}; benchmarks: {choices(BENCHMARKS)}")
    chosen = [name for name in BENCHMARKS if name in names]
    if prompts == Prompts.LMMS_EVAL:
        return [BENCHMARKS[name] for name in chosen]
    unknown = [name for name in chosen if name not in FORMS]
    if unknown == chosen or (unknown and suite not in SUITES):
        told = ", ".join(unknown)
        raise InputError(f"--prompts paper: the paper's prompts for {told} are not known; known: {choices(FORMS)}")
    return [in_paper_form(name) for name in chosen if name in FORMS]


def in_paper_form(name: str) -> Benchmark:
    """Return a benchmark as the paper's evaluation asks it."""
    form = FORMS[name]
    return Benchmark(
        name, (f"{OWN}paper_{name}",), reading.kit, form.column, note=form.note, wording=form.wording, by=form.by
    )


def own(name: str) -> Benchmark:
    """Return the benchmark that a dataset directory of this project is, under the name given."""
    return Benchmark(name, (f"{OWN}data_{name}",), reading.kit, by_category=True, apart=True)
