"""How often each task is drawn: presets by the paper's parts, or weights by name."""

from collections import Counter
from collections.abc import Callable

from pgt_lora.core.errors import InputError, choices
from pgt_lora.core.pairs import parse_shares
from pgt_lora.core.plugins import discover
from pgt_lora.data.tasks.task import Task


def tasks() -> dict[str, Task]:
    """Return the known tasks by name."""
    return discover("pgt_lora.data.tasks", "TASK")


def mixed() -> list[Task]:
    """Return the tasks that are drawn by default."""
    return [task for task in tasks().values() if not task.companion]


def units() -> dict[str, tuple[str, ...]]:
    """Return the units of the paper's table 3, which can be left out one at a time: the names of each one's tasks."""
    found: dict[str, tuple[str, ...]] = {}
    for task in mixed():
        unit = task.unit or task.family
        found[unit] = (*found.get(unit, ()), task.name)
    return found


# What is drawn alike, by the name of a preset: families as in section 3.2 of the paper (arXiv 2605.23883), the four
# units of its table 3, or the tasks. Within a family or a unit, its tasks are drawn alike.
PRESETS: dict[str, Callable[[Task], str]] = {
    "families": lambda task: task.family,
    "units": lambda task: task.unit or task.family,
    "tasks": lambda task: task.name,
}


def preset_weights(preset: str) -> dict[str, float]:
    """Return the weights of the mixed tasks by the name of a preset."""
    part = PRESETS[preset]
    sizes = Counter(part(task) for task in mixed())
    return {task.name: 1 / (len(sizes) * sizes[part(task)]) for task in mixed()}


def parse_weights(text: str) -> dict[str, float]:
    """Read the name of a preset, or `relation=1,counting=2`; a name alone weighs 1.

    Raises:
        InputError: a name is unknown or given twice, or a weight is not a positive number.
    """
    if text in PRESETS:
        return preset_weights(text)
    weights = parse_shares("tasks", text)
    for name in weights or [text]:
        if name not in tasks():
            known = f"known: {choices(tasks())}, or one of {choices(PRESETS)} alone"
            raise InputError(f"tasks {text!r}: unknown task {name!r}; {known}")
    total = sum(weights.values())
    return {name: weight / total for name, weight in sorted(weights.items())}
