"""Dataset directories: reproducible, split without overlap, complete or refused."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset

from pgt_lora.core.errors import InputError
from pgt_lora.data.directory import MANIFEST, PARQUET, features, open_dataset, read_manifest
from pgt_lora.data.generate import generate, make_sample
from pgt_lora.data.sample import Sample
from pgt_lora.data.scene import Canvas, Scene, render
from pgt_lora.data.tasks.task import Task, TaskSettings
from pgt_lora.data.turns import Form
from pgt_lora.data.weights import parse_weights, tasks

SMALL = TaskSettings(Canvas(112, 112))
COLUMNS = "id images prompt completion source task template answer choices answer_format group scene"


def make(out: Path, num_samples: int = 20, seed: int = 5, **asked: Any) -> dict[str, Any]:
    generate(out, num_samples=num_samples, seed=seed, **{"settings": SMALL} | asked)
    return read_manifest(out)


def draw(split: str, seed: int, number: int = 300) -> list[Sample]:
    each = (
        make_sample(i, seed=seed, split=split, weights=parse_weights("families"), settings=SMALL) for i in range(number)
    )
    return [sample for sample, _ in each]


def test_the_same_is_asked_and_made_twice(tmp_path: Path) -> None:
    first, second, parallel = make(tmp_path / "a"), make(tmp_path / "b"), make(tmp_path / "c", num_proc=2)
    assert first == second == parallel
    assert (tmp_path / "a" / PARQUET).read_bytes() == (tmp_path / "c" / PARQUET).read_bytes()
    others = [make(tmp_path / "d", seed=6), make(tmp_path / "e", split="test"), make(tmp_path / "f", 21)]
    assert len({manifest["content_hash"] for manifest in [first, *others]}) == 4


def test_what_is_returned_is_the_manifest(tmp_path: Path) -> None:
    assert generate(tmp_path / "a", num_samples=3, seed=5, settings=SMALL) == read_manifest(tmp_path / "a")


def test_a_sample_is_the_same_in_any_number(tmp_path: Path) -> None:
    make(tmp_path / "few", 5)
    make(tmp_path / "many", 50)
    few, many = (open_dataset(tmp_path / name).data.to_pylist() for name in ("few", "many"))
    assert few == many[:5]


@pytest.mark.parametrize(("split", "seed"), [("test", 42), ("train", 43), ("train", 41), ("test", 43)])
def test_splits_and_seeds_share_nothing(split: str, seed: int) -> None:
    here, there = draw("train", 42), draw(split, seed)
    for part in ("id", "images", "scene", "group"):
        assert not {getattr(sample, part) for sample in here} & {getattr(sample, part) for sample in there}
    assert len({sample.images for sample in [*here, *there]}) == 600


def test_weights_are_kept_and_recorded(tmp_path: Path) -> None:
    weights = parse_weights("relation=1,counting=3")
    manifest = make(tmp_path / "a", 400, weights=weights)
    assert manifest["asked"]["tasks"] == weights == {"counting": 0.75, "relation": 0.25}
    assert sorted(manifest["counts"]) == ["counting", "relation"]
    assert abs(manifest["counts"]["counting"] - 300) < 3.5 * (400 * 0.75 * 0.25) ** 0.5
    backwards = make(tmp_path / "b", 400, weights=dict(reversed(weights.items())))
    assert backwards["content_hash"] == manifest["content_hash"]


def test_families_weigh_alike_by_default() -> None:
    by_family: dict[str, float] = {}
    for name, weight in parse_weights("families").items():
        by_family[tasks()[name].family] = by_family.get(tasks()[name].family, 0) + weight
    assert by_family == pytest.approx({"relational": 1 / 3, "counting": 1 / 3, "analogy_distance": 1 / 3})


def test_rejections_are_recorded(tmp_path: Path) -> None:
    manifest = make(tmp_path / "a", 60)
    assert manifest["rejections"].keys() == parse_weights("families").keys()
    assert manifest["rejections"]["distance"] > 0
    assert manifest["num_samples"] == sum(manifest["counts"].values()) == 60


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"num_samples": 0}, "at least one"),
        ({"num_samples": -3}, "at least one"),
        ({"num_proc": 0}, "at least one"),
        ({"split": "validation"}, "known: test, train"),
        (
            {"weights": {"counting": 1.0}, "settings": TaskSettings(Canvas(112, 112), max_count=200)},
            "smaller --max-count",
        ),
        ({"weights": {"counting": 1.0}, "settings": TaskSettings(Canvas(112, 112), max_count=2)}, "max_count 2"),
        ({"weights": {"analogy": 1.0}, "settings": TaskSettings(Canvas(60, 448))}, "take 90 or more"),
        ({"weights": {"coordinates": 1.0}, "settings": TaskSettings(Canvas(50, 50))}, "56 pixels"),
        ({"weights": {"counting": 1.0}, "settings": TaskSettings(Canvas(50, 50))}, "larger"),
    ],
)
def test_what_cannot_be_met_is_refused(tmp_path: Path, asked: Mapping[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make(tmp_path / "a", **{"num_samples": 30, **asked})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text", ["", "relation,", "chess", "relation=0", "relation=x", "relation=nan", "relation,relation"]
)
def test_bad_weights_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="tasks"):
        parse_weights(text)


def test_an_existing_directory_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (kept := tmp_path / "a" / "kept.txt").write_text("mine")
    with pytest.raises(InputError, match="--overwrite"):
        make(tmp_path / "a")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [kept]
    assert kept.read_text() == "mine"
    with pytest.raises(InputError, match="not made by pgt-lora"):
        make(tmp_path / "a", overwrite=True)
    assert kept.read_text() == "mine"


def test_datasets_opens_it(tmp_path: Path) -> None:
    make(tmp_path / "a", 12)
    opened = load_dataset(str(tmp_path / "a"), cache_dir=str(tmp_path / "cache"))
    assert list(opened) == ["train"]
    assert " ".join(opened["train"].column_names) == COLUMNS
    assert opened["train"].features == features(Form.QUESTIONS)
    for row in opened["train"]:
        assert len(row["images"]) == 1
        assert row["images"][0].tobytes() == render(Scene.from_json(row["scene"])).tobytes()
        assert [turn["role"] for turn in row["prompt"] + row["completion"]] == ["user", "assistant"]
        assert row["completion"][0]["content"] == row["answer"]


def test_a_directory_that_is_not_what_its_manifest_says_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "a", 5)
    make(tmp_path / "b", 6)
    (tmp_path / "b" / PARQUET).replace(tmp_path / "a" / PARQUET)
    with pytest.raises(InputError, match=r"6 rows, but .* pgt-lora seal"):
        open_dataset(tmp_path / "a")
    (tmp_path / "a" / MANIFEST).write_text("{")
    with pytest.raises(InputError, match=r"cannot be read .* make the dataset again"):
        open_dataset(tmp_path / "a")


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_what_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]) -> None:
    drawn = []

    def compose(*arguments: Any) -> Scene | None:
        drawn.append(1)
        if len(drawn) > 450:  # two row groups are written by then
            raise error
        return tasks()["relation"].compose(*arguments)

    broken = Task("broken", "broken", tasks()["relation"].plan, compose, tasks()["relation"].solve)
    monkeypatch.setitem(tasks(), "broken", broken)
    old = make(tmp_path / "old", 3)
    for name in ("old", "new"):
        drawn.clear()
        with pytest.raises(error):
            make(tmp_path / name, 500, weights={"broken": 1.0}, overwrite=True)
        assert len(drawn) == 451
    assert list(tmp_path.iterdir()) == [tmp_path / "old"]
    assert read_manifest(tmp_path / "old") == old


STALLING = """
import sys
from pathlib import Path
from pgt_lora.data.generate import generate
from pgt_lora.data.weights import tasks
from pgt_lora.data.tasks.task import Task

def compose(rng, settings, question):
    drawn.append(1)
    if len(drawn) == 5:
        print("drawing", flush=True)
        sys.stdin.read()
    return tasks()["counting"].compose(rng, settings, question)

drawn = []
tasks()["stalling"] = Task("stalling", "stalling", tasks()["counting"].plan, compose, tasks()["counting"].solve)
generate(Path(sys.argv[1]), num_samples=9, seed=5, weights={"stalling": 1.0})
"""


def test_a_killed_run_leaves_nothing_that_passes_for_complete(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STALLING, str(tmp_path / "a")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"drawing\n"
        run.kill()
    left = list(tmp_path.iterdir())
    assert [path.name.split("-")[0] for path in left] == ["a.partial"]
    for path in [tmp_path / "a", *left]:
        with pytest.raises(InputError, match="dataset directory"):
            read_manifest(path)
    assert make(tmp_path / "a")["num_samples"] == 20
