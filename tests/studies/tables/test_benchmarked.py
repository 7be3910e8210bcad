"""The table of benchmarked models, on made-up answers."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.studies.tables.export import all_tables
from pgt_lora.studies.tables.formats import Format, written

BASE = "Qwen/Qwen2.5-VL-7B-Instruct"
PAPER = {"base": 0.838, "pgt": 0.857}


def benchmarked(
    directory: Path, right: int, tuned: bool, first: int = 0, prompts: str = "lmms-eval",
    tasks: Sequence[str] = ("vsr",) * 100, **asked: Any,
) -> Path:  # fmt: skip
    directory.mkdir()
    score = {"value": right / 100, "low": 0.1, "high": 0.9, "num_items": 100, "unread": 0.0, "paper": PAPER}
    scores = {tasks[0].partition("/")[0]: score}
    facts = {"base": BASE, "tuned": tuned, "family": "qwen2_5_vl", "prompts": prompts, "benchmarks": scores}
    (directory / "scores.json").write_text(json.dumps(facts))
    asked = {"sets": {"pgt_vsr": "0"}, "by": None, "max_new_tokens": None} | asked
    (directory / "asked.json").write_text(json.dumps(asked))
    item = {"answer_format": "word", "choices": ["yes", "no"]}
    lines = []
    for index, task in enumerate(tasks):
        said = item["choices"][index % 2]
        item |= {"task": task, "id": str(first + index), "group": str(index), "correct": index < right}
        lines.append(json.dumps(item | {"expected": said, "parsed": said}))
    (directory / "predictions.jsonl").write_text("\n".join(lines) + "\n")
    return directory


def test_a_model_beside_its_base_and_the_paper(tmp_path: Path) -> None:
    directories = [benchmarked(tmp_path / "mine", 90, True), benchmarked(tmp_path / "base-7b", 60, False)]
    (table,) = all_tables(directories)
    assert [(row.arm, row.is_paper) for row in table.blocks[0].rows] == [
        ("base", False), ("mine", False), ("base", True), ("pgt", True),
    ]  # fmt: skip
    text = written([table], Format.MARKDOWN, [])
    for row in ("base | 60.0", "mine | **90.0**", "base (paper) | 83.8", "pgt (paper) | 85.7"):
        assert f"| Qwen2.5-VL-7B | {row} |" in text
    assert text.startswith("Benchmarks: accuracy in percent. Bold: above")


def test_a_dataset_directory_is_tested_by_the_mean_over_its_tasks(tmp_path: Path) -> None:
    tasks = ["held-out/relation"] * 40 + ["held-out/counting"] * 60  # right are the first, so both tasks for 90
    directories = [
        benchmarked(tmp_path / name, *how, tasks=tasks) for name, how in (("a", (90, True)), ("b", (30, False)))
    ]
    (table,) = all_tables(directories)
    assert (table.columns, [cell.differs for cell in table.blocks[0].rows[1].cells]) == (("held-out",), [1])


def test_a_model_without_its_base_is_tested_against_nothing(tmp_path: Path) -> None:
    (table,) = all_tables([benchmarked(tmp_path / "mine", 90, True)])
    assert [cell.differs for row in table.blocks[0].rows for cell in row.cells] == [0, 0, 0]
    assert "Bold" not in written([table], Format.MARKDOWN, [])


def test_what_does_not_belong_together_is_refused(tmp_path: Path) -> None:
    mine = benchmarked(tmp_path / "mine", 90, True)
    with pytest.raises(InputError, match="has other items than"):
        all_tables([mine, benchmarked(tmp_path / "other items", 60, False, first=1)])
    with pytest.raises(InputError, match=r"asked with --prompts lmms-eval, and .* with paper"):
        all_tables([mine, benchmarked(tmp_path / "other words", 60, False, prompts="paper")])
    paper = [benchmarked(tmp_path / "paper", 90, True, prompts="paper", max_new_tokens=8)]
    for name, asked, says in (
        ("rows", {"sets": {"pgt_vsr": "1"}}, "other rows under the name pgt_vsr"),
        ("by", {"by": "generation"}, "with --by generation and not left out"),
        ("length", {"facts": {"generation": {"max_new_tokens": 9}}}, "with --max-new-tokens 9 and not 8"),
    ):
        with pytest.raises(InputError, match=says):
            all_tables([*paper, benchmarked(tmp_path / name, 60, False, prompts="paper", **asked)])
    same = {"facts": {"generation": {"max_new_tokens": 8}}}  # left out, and what the recipe says
    assert all_tables([*paper, benchmarked(tmp_path / "same", 60, False, prompts="paper", **same)])
