"""A run that is scored and merged, and that nobody trained: it answers otherwise than its base."""

import shutil
from pathlib import Path

from pgt_lora.core.recipe import RECIPES, load_recipe
from pgt_lora.data.generate import generate
from pgt_lora.data.scene import Canvas
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.export.adapter import updates_by_key
from pgt_lora.export.merge import companion_files, write_merged
from pgt_lora.studies.by_name import evaluate
from tests.support.adapters import write_adapter

NUM_QUESTIONS = 8
BASE = Path(load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml").base)


def scored_run(root: Path) -> None:
    """Make `root/run` of an adapter with random weights on the shipped model."""
    canvas = TaskSettings(Canvas(112, 112))
    generate(root / "data", num_samples=NUM_QUESTIONS, seed=2, split="test", settings=canvas)
    run = root / "run"
    adapter = write_adapter(BASE, run / "adapter", size=0.1)
    (adapter / "recipe.yaml").write_text(load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml").dump())
    evaluate(run, root / "data", run / "finetuned" / "pgt")
    evaluate(BASE, root / "data", run / "base" / "pgt")
    (run / "merged").mkdir()
    write_merged(BASE, updates_by_key(BASE, adapter), run / "merged")
    for path in companion_files(BASE):
        shutil.copy(path, run / "merged")
