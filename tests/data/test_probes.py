"""Probes: pairs share a question or an image, and every task tells its traits."""

import io
import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from PIL import Image

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import read_manifest
from pgt_lora.data.probes import probe_data
from pgt_lora.data.scene import Scene
from tests.support import oracle
from tests.support.diagnoses import SMALL, rows
from tests.support.discovered import TASKS


def test_probes_are_made_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path))
    first = probe_data(2, SMALL)
    made = {path: path.stat().st_mtime_ns for path in first.rglob("*.parquet")}
    assert probe_data(2, SMALL) == first
    assert made == {path: path.stat().st_mtime_ns for path in first.rglob("*.parquet")}
    assert read_manifest(first)["asked"]["split"] == "probe"
    assert probe_data(4, SMALL) != first
    with pytest.raises(InputError, match="even number"):
        probe_data(3, SMALL)


def test_every_task_is_probed_and_tells_its_traits() -> None:
    assert {row["task"] for row in rows()} == set(TASKS)
    assert all(task.probe and task.traits and task.sees for task in TASKS.values())


def test_pairs_share_the_question_or_the_image() -> None:
    texts, images = defaultdict(list), defaultdict(list)
    for row in rows():
        texts[row["id"][:-3], row["prompt"][0]["content"]].append(row)
        images[row["group"]].append(row)
    for pair in texts.values():
        assert len({row["answer"] for row in pair}) == len({row["group"] for row in pair}) == len(pair) == 2
    for same in images.values():
        assert len({row["images"][0]["bytes"] for row in same}) == 1
        assert len({row["prompt"][0]["content"] for row in same}) == len(same)
    wordings = {task: len(next(each for each in images.values() if each[0]["task"] == task)) for task in TASKS}
    assert wordings == {
        "absolute_position": 2, "analogy": 2, "coordinates": 2, "counting": 3, "distance": 2, "relation": 3,
    }  # fmt: skip


def test_the_oracle_agrees_with_the_probes() -> None:
    seen = [row for row in rows() if int(row["group"][-5:-1]) % 4 == 0]
    assert len(seen) == 15 * 28
    for row in seen:
        image = Image.open(io.BytesIO(row["images"][0]["bytes"]))
        assert oracle.answer(image, row["prompt"][0]["content"]) == row["answer"]


def test_answers_of_probes_are_balanced() -> None:
    for template, choices in (("A", 2), ("B", 2), ("C", 2)):
        places = Counter(
            row["choices"].index(row["answer"])
            for row in rows()
            if (row["task"], row["template"]) == ("relation", template)
        )
        assert sorted(places.values()) == [60] * choices  # each text once with each answer


@pytest.mark.parametrize("task", TASKS)
def test_traits_are_those_of_the_scene(task: str) -> None:
    for row in [row for row in rows() if row["task"] == task][:60]:
        scene, text = Scene.from_json(row["scene"]), row["prompt"][0]["content"]
        measure = TASKS[task].traits
        assert measure
        traits = measure(scene, text)
        assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in traits.places)
        assert all(value >= 0 for value in traits.numbers.values())
        if task == "counting":
            assert traits.numbers["circles asked for"] == len(traits.places)
            assert row["template"] in "BC" or traits.numbers["circles asked for"] == int(row["answer"])
        if task == "relation":
            assert traits.numbers["gap between the boxes"] >= 0.03
            assert traits.numbers["off axis / along it"] <= 0.32 / 0.09
            assert traits.names["color"] in text.split()
        if task == "distance":
            assert traits.numbers["nearest / next"] <= 0.75
        if task == "absolute_position":
            assert traits.numbers["distractors"] == len(json.loads(row["scene"])["figures"]) - 1
        if task == "coordinates":
            assert traits.places[0] == pytest.approx([float(v) for v in row["answer"][1:-1].split(",")], abs=0.0051)
