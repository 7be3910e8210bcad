"""Arms over real data: nested rows, one added turn, one budget; and what is held out."""

from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import Recipe
from pgt_lora.data.directory import MANIFEST, open_dataset, read_manifest
from pgt_lora.data.overlay.plan import OverlaySettings
from pgt_lora.data.scene import Scene
from pgt_lora.data.turns import question, turns
from pgt_lora.models.names import resolve
from pgt_lora.studies.compare.arms import arm_data
from pgt_lora.studies.compare.compare import compare
from pgt_lora.studies.compare.preset import load_preset, preset_names
from pgt_lora.studies.compare.real_data import OverData, asked_over, real_data, rows_of_arm, with_budget
from pgt_lora.studies.compare.runs import plan
from pgt_lora.tiny.instructions import QUESTIONS, instruction_data, instruction_samples
from tests.support.comparisons import FEW
from tests.support.conversations import conversations, sample, write_conversations
from tests.support.photographs import FILES, draw_file

OVER_DATA = [name for name in preset_names() if load_preset(name).is_over_data]
Row = dict[str, Any]


def rows_of(directory: Path) -> dict[str, Row]:
    return {row["id"]: row for row in open_dataset(directory).to_list()}


def added(before: dict[str, Row], after: dict[str, Row]) -> dict[str, tuple[Any, ...]]:
    """Return what every row that was drawn over has now: its added question and answer, and its image."""
    return {
        name: (question(row), row["answer"], row["images"])
        for name, row in after.items()
        if "messages" in row and len(turns(row)) > len(turns(before[name]))
    }


def own_data(directory: Path, number: int = 40) -> Path:
    rng, samples = Random(3), []
    for index in range(number):
        image = draw_file(rng, (100, 140), FILES[index % len(FILES)])
        samples.append(sample(f"own-{index}", "Is it large?", "no", images=(image,), group=f"image-{index // 2}"))
    return write_conversations(directory, samples)


def test_arms_of_all_shares_differ_in_what_is_added_alone(root: Path, recipe: Recipe) -> None:
    real = real_data(recipe, None)
    before = rows_of(real.train)
    shares = (0.05, 0.1, 0.5, 1.0)
    arms = [
        added(before, rows_of(rows_of_arm(real, f"overlay-{share}", OverData(1.0, OverlaySettings(share)))))
        for share in shares
    ]
    for fewer, more in pairwise(arms):
        assert fewer.items() <= more.items()
    assert len(arms[0]) < len(arms[2]) < len(arms[3]) <= len(before)
    whole = rows_of(rows_of_arm(real, "overlay-1.0", OverData(1.0, OverlaySettings(1.0))))
    assert list(whole) == list(before)
    for name, row in whole.items():
        assert turns(row)[:2] == turns(before[name])
    apart = rows_of(rows_of_arm(real, "apart", OverData(1.0, OverlaySettings(1.0, separate=True))))
    new = {name: row for name, row in apart.items() if name not in before}
    assert {name.removesuffix("+pgt") for name in new} == set(arms[3])
    for name, row in new.items():
        assert (question(row), row["answer"], row["images"]) == arms[3][name.removesuffix("+pgt")]
    some = rows_of_arm(real, "some", OverData(1.0, OverlaySettings(1.0, tasks="relation=1,coordinates=1")))
    assert set(read_manifest(some)["counts"]) - set(QUESTIONS) == {"relation", "coordinates"}
    assert rows_of_arm(real, "data", OverData()) == real.train


def test_all_arms_take_the_same_steps_on_the_same_settings(root: Path, recipe: Recipe) -> None:
    real = real_data(recipe, None)
    recipe = with_budget(recipe, real)
    assert recipe.sft.max_steps == 2 * 32 // 8
    for name in ("separate", "sizes"):
        arms = load_preset(name).arms
        datasets = arm_data(recipe, arms, real)
        sizes = {arm: read_manifest(path)["num_samples"] for arm, path in datasets.items()}
        assert len(set(sizes.values())) > 1
        runs = [run for run in plan(recipe, [arm.name for arm in arms], datasets, {}, [0, 1]) if run.data]
        assert len(runs) == 2 * len(datasets)
        for seed in (0, 1):
            values = [run.recipe.values for run in runs if run.recipe.sft.seed == seed]
            assert all(each == values[0] for each in values)
    assert sizes["data-tenth"] == sizes["overlay-100-tenth"] == 3
    assert set(rows_of(datasets["data-tenth"])) <= set(rows_of(real.train))
    made = {path: (path / MANIFEST).stat().st_mtime_ns for path in datasets.values()}
    assert arm_data(recipe, arms, real) == datasets
    assert made == {path: (path / MANIFEST).stat().st_mtime_ns for path in datasets.values()}


def test_a_part_of_own_data_is_held_out_by_image(root: Path, recipe: Recipe) -> None:
    data = own_data(root / "mine")
    before = rows_of(data)
    real = real_data(recipe, str(data))
    train, test = rows_of(real.train), rows_of(real.test)
    assert len(train) == 32 and len(test) == 4
    assert not {row["group"] for row in train.values()} & {row["group"] for row in test.values()}
    assert all(row == before[name] for part in (train, test) for name, row in part.items())
    asked = rows_of(asked_over(real.test))
    assert asked and {name.removesuffix("+pgt") for name in asked} <= set(test)
    for name, row in asked.items():
        assert len(turns(row)) == 2 and row["group"] == test[name.removesuffix("+pgt")]["group"]
    held_out = own_data(root / "mine-test", 6)
    divided = real_data(recipe, str(data))
    assert set(rows_of(divided.test)) == set(rows_of(held_out))
    assert divided.train != real.train or set(rows_of(divided.train)) != set(train)


def test_small_models_have_questions_about_things_of_their_own(root: Path) -> None:
    samples = list(instruction_samples(40, "train"))
    assert {each.task for each in samples} == set(QUESTIONS)
    assert all(each.answer in (each.choices or ()) for each in samples)
    scenes = [Scene.from_json(each.scene or "") for each in samples]
    assert not any(scene.boxes or scene.circles for scene in scenes)
    assert [each.id for each in instruction_samples(10, "train")] == [each.id for each in samples[:10]]
    tests = list(instruction_samples(40, "test"))
    assert not {each.images for each in samples} & {each.images for each in tests}
    path = instruction_data("test", 10)
    made = (path / MANIFEST).stat().st_mtime_ns
    assert (instruction_data("test", 10) / MANIFEST).stat().st_mtime_ns == made


def test_data_that_cannot_be_used_is_told(root: Path, recipe: Recipe) -> None:
    published = resolve("llava-next-llama3-8b", ["--bf16", "false", "--use_cpu", "true", "--dtype", "float32"]).recipe
    with pytest.raises(InputError, match="name it with --data"):
        real_data(published, None)
    one = write_conversations(
        root / "one", [sample("a", "Is it?", "no", group="x"), sample("b", "So?", "no", group="x")]
    )
    with pytest.raises(InputError, match="all rows show one image"):
        real_data(recipe, str(one))
    text = write_conversations(root / "text", conversations()[3:])
    with pytest.raises(InputError, match=r"nothing can be drawn over the held-out images \(passed: text alone"):
        asked_over(text)


@pytest.mark.slow
@pytest.mark.parametrize("name", OVER_DATA)
def test_every_preset_runs_from_end_to_end(name: str, root: Path, overrides: list[str]) -> None:
    words = [*overrides, *FEW, "--num_samples", "80"]  # of which a tenth make a step
    compare(resolve("tiny-qwen2.5-vl", words), "", "0", [], root / "out", words, preset=load_preset(name))
    page, text = (root / "out" / "report.html").read_text(), (root / "out" / "report.md").read_text()
    for arm in load_preset(name).arms:
        assert f"{arm.name}</th>" in page and f"| {arm.name} |" in text
    for title in ("Held-out PGT", "PGT over held-out images", "Original questions"):
        assert title in page and title in text
    assert f"--preset {name} --seeds 0" in text


@pytest.mark.slow
def test_own_data_takes_the_place_of_what_a_small_model_has(root: Path, overrides: list[str]) -> None:
    data, words = own_data(root / "mine"), [*overrides, *FEW]
    preset = load_preset("separate")
    compare(resolve("tiny-qwen2.5-vl", words), "", "0", [], root / "out", words, preset=preset, data=str(data))
    text = (root / "out" / "report.md").read_text()
    assert f"--preset separate --data {data}" in text and "compare-mine-train-32-separate-100" in text
