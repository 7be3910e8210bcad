"""What lmms-eval logged on the local copies of the benchmarks, and items and reports like those."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pgt_lora.studies.benchmarks.catalog import BENCHMARKS
from pgt_lora.studies.benchmarks.reading import Item
from pgt_lora.studies.benchmarks.report import Report
from pgt_lora.studies.benchmarks.scores import Estimate

LOGS = Path(__file__).parent / "recorded" / "lmms_eval"
PRINTED = json.loads((LOGS / "model" / "recorded_results.json").read_text())["results"]


def item(right: bool = True, category: str = "", group: str = "", **fields: Any) -> Item:
    values = {"id": group, "task": "t", "question": "q", "expected": "A", "output": "A", "parsed": "A"}
    values |= {"answer_format": "letter", "choices": ("A", "B"), **fields}
    return Item(correct=right, category=category, group=group, **values)


def logs_with(tmp_path: Path, task: str, change: Callable[[dict[str, Any]], Any]) -> Path:
    """Copy the recorded log of one task with every item changed."""
    path = tmp_path / "logs" / "model" / f"x_samples_{task}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (LOGS / "model" / f"recorded_samples_{task}.jsonl").read_text().splitlines()
    logged = [json.loads(line) for line in lines]
    kept = [each for each in logged if change(each) is not False]
    path.write_text("".join(json.dumps(each) + "\n" for each in kept))
    return tmp_path / "logs"


QWEN = "Qwen/Qwen2.5-VL-3B-Instruct"


def report(tuned: bool, **scores: tuple[float, float, float]) -> Report:
    facts = {
        "base": QWEN, "tuned": tuned, "limit": None, "input_differs": [], "image_limits": {"min_pixels": 1},
        "backend": "hf", "batch_size": 1, "versions": {"lmms-eval": "0.7.3"},
        "prompts": "lmms-eval",
    }  # fmt: skip
    found = {name: Estimate(*values, 100, 0.125) for name, values in scores.items()}
    return Report(
        "mine",
        {name: BENCHMARKS[name] for name in scores},
        found,
        {"General": Estimate(0.5, 0.4, 0.6, 9, 0.125)},
        facts,
    )
