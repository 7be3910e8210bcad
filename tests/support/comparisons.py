"""Results and pages of comparisons, on made-up answers."""

from pathlib import Path

import numpy as np

from pgt_lora.core.recipe import Recipe
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.evaluation.evaluate import prediction
from pgt_lora.evaluation.paired import Result, contrasts, read_items
from pgt_lora.studies.compare.report import Page

FEW = ("--max_steps", "2", "--max_new_tokens", "2")
SMALL = TaskSettings(Canvas(112, 112))


def made_up(held_out_dir: Path, rights: dict[str, float], seeds: int = 1) -> Result:
    """Return a result in which each arm but `base` is right with the given chance, the base with one half."""
    items = read_items("made up", held_out_dir)
    rng = np.random.default_rng(0)

    def answers(chance: float) -> list[dict]:
        return [
            prediction(row | {"prompt": [{"content": "?"}]}, row["answer"] if right else "?")
            for row, right in zip(items.rows, rng.random(len(items.rows)) < chance, strict=True)
        ]

    chances = {"base": 0.6} | rights
    return Result(items, {a: [answers(c) for _ in range(1 if a == "base" else seeds)] for a, c in chances.items()})


def made_up_page(result: Result, recipe: Recipe, seeds: int = 1) -> Page:
    arms = list(result.predictions)
    training = {
        "steps": 3,
        "supervised_tokens": 9,
        "seconds": 1.0,
        "hardware": "a machine",
        "processes": 1,
        "versions": {},
    }
    losses = [{"step": 1, "loss": 2.0}, {"step": 3, "loss": 1.0}]
    facts = {"data": "DIR", "num_samples": 32, "counts": {"relation": 32}, "training": training, "loss": losses}
    runs = [{"arm": arm, "name": f"{arm}-0", "seed": 0} | (facts if arm != "base" else {}) for arm in arms]
    return Page(
        recipe, arms, list(range(seeds)), [result], contrasts([result], arms), runs, dict.fromkeys(arms, 0), "a command"
    )
