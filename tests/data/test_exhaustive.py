"""The exhaustive sets of the absolute position task: as many items as the paper counts, balanced in every attribute."""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pgt_lora.core.errors import InputError
from pgt_lora.core.streams import stream
from pgt_lora.data.directory import open_dataset, read_manifest
from pgt_lora.data.exhaustive import generate_exhaustive
from pgt_lora.data.generate import generate, make_sample
from pgt_lora.data.scene import Canvas, Figure, Scene
from pgt_lora.data.tasks.absolute_position import AREAS, KINDS
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.data.weights import parse_weights
from tests.support import oracle
from tests.support.discovered import TASKS

COMPANION = "absolute_position"
SMALL = TaskSettings(Canvas(112, 112))
MIX = "cf3d25ec2233c02395378a0349640228bd3b2c35d01777c19b2f46957a90be54"


def make(out: Path, split: str, **settings: Any) -> list[dict[str, Any]]:
    settings = {"canvas": Canvas(112, 112)} | settings
    generate_exhaustive(out, task=COMPANION, seed=0, split=split, settings=TaskSettings(**settings))
    return open_dataset(out).to_list()


def figures(row: dict[str, Any]) -> tuple[Figure, ...]:
    return Scene.from_json(row["scene"]).figures


def asked(row: dict[str, Any]) -> tuple[str, str]:
    color, shape = row["prompt"][0]["content"].split("?")[0].split()[-2:]
    return color, shape


def cell(figure: Figure) -> tuple[int, int]:
    return int(9 * figure.center[0] / 112), int(9 * figure.center[1] / 112)


def even(values: Iterator[Any] | list[Any], number: int, each: int) -> bool:
    return sorted(Counter(values).values()) == [each] * number


# 6 colors x 4 shapes x 2 sizes x 81 cells; (6 pluses + 4 white shapes) x 2 sizes x 81 cells.
@pytest.mark.parametrize(("split", "kinds", "total"), [("test", 24, 3888), ("train", 10, 1620)])
def test_every_object_in_both_sizes_lies_once_in_every_cell(tmp_path: Path, split: str, kinds: int, total: int) -> None:
    rows = make(tmp_path / "all", split)
    assert len(rows) == total
    asked_for = read_manifest(tmp_path / "all")["asked"]
    assert (asked_for["exhaustive"], asked_for["num_distractors"]) == (True, 0)
    alone = [figure for row in rows for figure in figures(row)]
    assert [(figure.color, figure.shape) for figure in alone] == [asked(row) for row in rows]
    every = product({asked(row) for row in rows}, (5, 10), product(range(9), repeat=2))
    assert sorted(every) == sorted(((f.color, f.shape), f.side, cell(f)) for f in alone)
    assert len({row["images"][0]["bytes"] for row in rows}) == total
    assert even([row["answer"] for row in rows], 9, total // 9)
    assert even([asked(row) for row in rows], kinds, total // kinds)
    assert all(sorted(row["choices"]) == sorted(AREAS) for row in rows)
    places = Counter(row["choices"].index(row["answer"]) for row in rows)
    assert len(places) == 9
    assert max(places.values()) - min(places.values()) < 0.4 * total / 9
    for row in rows[::17]:
        image = Image.open(io.BytesIO(row["images"][0]["bytes"]))
        assert oracle.answer(image, row["prompt"][0]["content"]) == row["answer"]


def test_the_sets_share_no_pair_of_color_and_shape() -> None:
    colors = ("red", "green", "blue", "cyan", "magenta", "yellow")
    shapes = ("circle", "triangle", "square", "star")
    assert set(KINDS["test"]) == set(product(colors, shapes))
    assert set(KINDS["train"]) == {*product(colors, ["plus"]), *product(["white"], shapes)}
    for split, other in (("train", "test"), ("test", "train")):
        weights = {COMPANION: 1.0}
        drawn = [make_sample(i, seed=1, split=split, weights=weights, settings=SMALL)[0] for i in range(100)]
        seen = {(figure.color, figure.shape) for sample in drawn for figure in figures(sample.to_row())}
        assert seen <= set(KINDS[split])
        assert not seen & set(KINDS[other])


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("number", [1, 3, 5])
def test_distractors_cannot_be_taken_for_the_object(number: int, split: str) -> None:
    settings = TaskSettings(Canvas(448, 448), split=split, num_distractors=number)
    task = TASKS[COMPANION]
    questions = list(task.exhaust(stream(0, "test"), settings))  # type: ignore[misc]
    assert len(questions) == {"train": 1620, "test": 3888}[split]
    for index, question in enumerate(questions[:300]):
        scene = task.compose(stream(0, "scene", index), settings, question)
        assert scene is not None
        kinds = [(figure.color, figure.shape) for figure in scene.figures]
        target = question.about["color"], question.about["shape"]
        assert len(kinds) == number + 1
        assert kinds.count(target) == 1
        assert len({(figure.center[0] // 50, figure.center[1] // 50) for figure in scene.figures}) == number + 1
        if target[0] == "white":
            assert {color for color, _ in kinds} == {"white"}
        if target[1] == "plus":
            assert {shape for _, shape in kinds} == {"plus"}


def test_the_number_of_distractors_is_drawn_or_given() -> None:
    drawn = [make_sample(i, seed=0, split="test", weights={COMPANION: 1.0}, settings=SMALL)[0] for i in range(60)]
    assert {len(figures(sample.to_row())) - 1 for sample in drawn} == {0, 1, 3, 5}
    given = TaskSettings(Canvas(112, 112), num_distractors=4)
    sample, _ = make_sample(0, seed=0, split="test", weights={COMPANION: 1.0}, settings=given)
    assert len(figures(sample.to_row())) == 5


def test_the_default_mix_is_the_five_tasks_of_the_paper(tmp_path: Path) -> None:
    assert sorted(parse_weights("families")) == ["analogy", "coordinates", "counting", "distance", "relation"]
    manifest = generate(tmp_path / "pgt", num_samples=300, seed=5, settings=SMALL)
    assert sorted(manifest["asked"]) == ["canvas", "max_count", "num_samples", "seed", "split", "style", "tasks"]
    columns = ["id", "prompt", "completion", "choices", "scene"]
    rows = open_dataset(tmp_path / "pgt").select_columns(columns).to_list()
    # As it is drawn, companion or not; images are left out, because they depend on Pillow's version.
    assert hashlib.sha256(json.dumps(rows).encode()).hexdigest() == MIX


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": "relation"}, "cannot be enumerated; known: absolute_position"),
        ({"task": ""}, "known: absolute_position, analogy"),
        ({"split": "evaluation"}, "known: test, train"),
        ({"settings": TaskSettings(Canvas(60, 60))}, "give 100 or more"),
        ({"settings": TaskSettings(Canvas(112, 112), num_distractors=81)}, "80 fit"),
        ({"settings": TaskSettings(Canvas(112, 112), num_distractors=-1)}, "give 0 or more"),
    ],
)
def test_what_cannot_be_met_is_refused(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        generate_exhaustive(
            tmp_path / "new", **{"task": COMPANION, "seed": 0, "split": "test", "settings": SMALL} | arguments
        )
    assert list(tmp_path.iterdir()) == []


def test_the_same_is_made_twice(tmp_path: Path) -> None:
    assert make(tmp_path / "a", "train", num_distractors=3) == make(tmp_path / "b", "train", num_distractors=3)
