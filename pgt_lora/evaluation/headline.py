"""What a model learned and lost, in one sentence, by rules that a page can state."""

from collections.abc import Sequence

from pgt_lora.core.html import points
from pgt_lora.evaluation.paired import MEAN, Accuracy, Contrast, Difference, Result

MAX_NAMES = 4  # of more tasks, their number is told
RULES = (
    "By task of the first set. Taught, lost: the paired difference is more than noise (5%, Holm's correction over the "
    "tasks). Not above chance: the interval holds chance, or lies below it. Of other sets, the mean over "
    "the tasks, and the tasks that lost."
)


def headline(subject: str, arm: str, results: Sequence[Result], against: Sequence[Contrast]) -> str:
    """Return a sentence on an arm against another, the first set task by task and the others by their mean.

    `against` are the arm's contrasts, in the order of the results.
    """
    parts = [_by_task(subject, results[0].scores[arm], against[0], len(results[0].items.tasks))]
    parts += [_as_a_whole(contrast) for contrast in against[1:]]
    return "; ".join(parts) + "."


def _by_task(subject: str, scores: Sequence[Accuracy], contrast: Contrast, num_tasks: int) -> str:
    rows = contrast.rows[:num_tasks]
    gained = [row.task for row in rows if row.found and row.value > 0]
    lost = [row.task for row in rows if row.found and row.value < 0]
    same = [(row.task, score) for row, score in zip(rows, scores, strict=False) if not row.found]
    not_above = [task for task, score in same if not score.above_chance]
    unchanged = [task for task, score in same if score.above_chance]
    parts = [f"{subject} taught {_names(gained, num_tasks)}" if gained else f"{subject} taught none of the tasks"]
    parts += [f"{_names(lost, num_tasks)} lost"] if lost else []
    if not_above:
        parts.append(f"{_names(not_above, num_tasks)} {'is' if len(not_above) == 1 else 'are'} not above chance")
    if unchanged:
        parts.append(f"{_names(unchanged, num_tasks)} changed by no more than noise")
    return "; ".join(parts)


def _as_a_whole(contrast: Contrast) -> str:
    row: Difference = contrast.rows[-1]
    name = f"the mean of “{contrast.title}”" if row.task == MEAN else f"“{contrast.title}”"
    told = f"{'gained' if row.value > 0 else 'lost'} {points(abs(row.value)).lstrip('+')} points"
    if not row.found:
        told = "changed by no more than noise" if row.above_chance else "is not above chance"
    tasks = contrast.rows[:-1]
    lost = [each.task for each in tasks if each.found and each.value < 0]
    beside = f", with {_names(lost, len(tasks))} lost" if lost else ""
    return f"{name} {told}{beside}"


def _names(tasks: Sequence[str], num_tasks: int) -> str:
    if len(tasks) > MAX_NAMES:
        return f"{len(tasks)} of {num_tasks} tasks"
    return " and ".join(filter(None, (", ".join(tasks[:-1]), tasks[-1])))
