"""The stand-in's annotations are true of its images: recomputed from the scenes, and the scenes from the pixels."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from pgt_lora.core.errors import InputError
from pgt_lora.data.scene import Box, Circle, Scene, render
from pgt_lora.tiny.standin import FILES, IMAGES, SCENES, image_path, write_standin

NUM_ROWS = 240


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("standin") / "a"
    write_standin(path, 3 * NUM_ROWS, seed=0)
    return path


def entries(directory: Path, source: str) -> list[dict[str, Any]]:
    text = (directory / FILES[source]).read_text()
    rows: list[dict[str, Any]] = json.loads(text) if FILES[source].endswith(".json") else [
        json.loads(line) for line in text.splitlines()
    ]  # fmt: skip
    return rows


def scene_of(directory: Path, source: str, entry: dict[str, Any]) -> Scene:
    return Scene.from_json(json.loads((directory / SCENES).read_text())[image_path(source, entry)])


def objects(scene: Scene) -> dict[str, Box | Circle]:
    named = [(f"{box.color} box", box) for box in scene.boxes]
    return dict([*named, *((f"{circle.color} circle", circle) for circle in scene.circles)])


@pytest.mark.parametrize("source", FILES)
def test_there_is_an_image_of_its_scene_for_every_row(directory: Path, source: str) -> None:
    rows = entries(directory, source)
    assert len(rows) == NUM_ROWS
    assert len({image_path(source, entry) for entry in rows}) == NUM_ROWS
    for entry in rows:
        with Image.open(directory / IMAGES / image_path(source, entry)) as image:
            assert image.format == "JPEG"
            drawn = render(scene_of(directory, source, entry))
            difference = ImageStat.Stat(ImageChops.difference(image, drawn))
        assert max(difference.mean) < 3  # of 255: what JPEG rounds


def test_counts_are_true(directory: Path) -> None:
    answers: Counter[int] = Counter()
    for entry in entries(directory, "tallyqa"):
        scene = scene_of(directory, "tallyqa", entry)
        found = re.fullmatch(r"How many (?:(\w+) )?(boxes|circles) are there\?", entry["question"])
        assert found is not None
        shapes: tuple[Box | Circle, ...] = scene.boxes if found[2] == "boxes" else scene.circles
        assert entry["answer"] == sum(found[1] in (None, shape.color) for shape in shapes)
        assert scene.boxes or scene.circles
        answers[entry["answer"]] += 1
    assert set(answers) == set(range(7))
    assert max(answers.values()) < NUM_ROWS / 7 * 1.8


def test_captions_are_what_their_labels_say(directory: Path) -> None:
    labels: Counter[tuple[str, int]] = Counter()
    for entry in entries(directory, "vsr"):
        named = objects(scene_of(directory, "vsr", entry))
        found = re.fullmatch(r"The (.+) is (left of|right of|above|below) the (.+)\.", entry["caption"])
        assert found is not None
        a, b = named[found[1]].center, named[found[3]].center
        axis, before = {"left of": (0, True), "right of": (0, False), "above": (1, True), "below": (1, False)}[found[2]]
        assert abs(a[axis] - b[axis]) >= 2 * abs(a[1 - axis] - b[1 - axis])
        assert entry["label"] == int((a[axis] < b[axis]) == before)
        labels[found[2], entry["label"]] += 1
    assert len(labels) == 8
    assert max(labels.values()) < NUM_ROWS / 8 * 1.8


def test_the_nearest_is_the_answer(directory: Path) -> None:
    letters: Counter[str] = Counter()
    for entry in entries(directory, "spatialladder"):
        named = objects(scene_of(directory, "spatialladder", entry))
        options = {option[0]: option[3:] for option in entry["options"]}
        target = named[entry["question"].partition("closest to the ")[2].rstrip("?")]
        far = {letter: sum((p - q) ** 2 for p, q in zip(named[each].center, target.center, strict=True))
               for letter, each in options.items()}  # fmt: skip
        assert len(named) == len(options) + 1
        assert entry["answer"] == f"{min(far, key=far.__getitem__)}."
        first, second = sorted(far.values())[:2]
        assert first <= 0.75**2 * second
        letters[entry["answer"]] += 1
    assert set(letters) == {"A.", "B.", "C.", "D."}
    assert letters["A."] < NUM_ROWS * 0.5


def test_the_same_seed_writes_the_same(tmp_path: Path) -> None:
    for name, number, seed in (("a", 6, 0), ("b", 30, 0), ("c", 6, 1)):
        write_standin(tmp_path / name, number, seed)
    for source in FILES:
        few, many, other = (entries(tmp_path / name, source) for name in "abc")
        assert len(few) == 2
        assert few == many[:2]
        assert few != other
        for entry in few:
            path = Path(IMAGES) / image_path(source, entry)
            assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()
    with pytest.raises(InputError, match="exists"):
        write_standin(tmp_path / "a", 6, 0)
