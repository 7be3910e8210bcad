"""The benchmark's table: medians, and the ratio of run to run with its range over the repeats."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from rich.table import Table

from pgt_lora.core.terminal import console
from pgt_lora.studies.speed.contenders import KIT
from pgt_lora.studies.speed.job import Job
from pgt_lora.studies.speed.measure import Measured

PAPERS_IMAGES = 5000 * 2  # a fine-tuning as the paper's, at the rate that was measured

ROWS: tuple[tuple[str, Callable[[Measured, Job, float], float], str], ...] = (
    ("images/s, all", lambda run, job, peak: run.images / run.seconds, "{:,.1f}"),
    ("images/s, train", lambda run, job, peak: run.images / run.training, "{:,.1f}"),
    ("min, 5,000 × 2", lambda run, job, peak: PAPERS_IMAGES / run.images * run.training / 60, "{:,.1f}"),
    ("tokens/s", lambda run, job, peak: run.tokens / run.training, "{:,.0f}"),
    ("supervised/s", lambda run, job, peak: run.supervised / run.training, "{:,.0f}"),
    ("supervised/image", lambda run, job, peak: run.supervised / run.images, "{:.2f}"),
    ("padding", lambda run, job, peak: 1 - run.tokens / run.padded, "{:.1%}"),
    ("waiting", lambda run, job, peak: run.waiting / run.training, "{:.1%}"),
    ("memory, GB", lambda run, job, peak: run.peak_bytes / 1e9, "{:,.2f}"),
    ("utilization", lambda run, job, peak: job.flops(run) / run.training / peak, "{:.1%}"),
)


def print_table(found: Mapping[str, Sequence[Measured]], job: Job, peak: float) -> None:
    """Print the medians of every contender, and the kit's ratio to each other one."""
    table = Table(
        title="Medians, and the kit's ratio to others, run to run, with its range",
        caption="One supervised token more than the kit's: the newline after the end token.",
    )
    others = [name for name in found if name != KIT]
    for column in ("", *found, *(f"to {name}" for name in others)):
        table.add_column(column, justify="left" if not column else "right", no_wrap=not column)
    for title, value, form in ROWS:
        values = {name: [value(run, job, peak) for run in runs] for name, runs in found.items()}
        cells = [form.format(median(each)) for each in values.values()]
        table.add_row(title, *cells, *(ratio(values[KIT], values[name], "\n{}–{}") for name in others))
    console.print(table)


def ratio(ours: Sequence[float], theirs: Sequence[float], form: str = " ({}–{})") -> str:
    """Spell the median ratio of run to run, and its range; nothing where theirs are zero."""
    ratios = [a / b for a, b in zip(ours, theirs, strict=True) if b]
    return f"{median(ratios):.2f}" + form.format(f"{min(ratios):.2f}", f"{max(ratios):.2f}") if ratios else ""
