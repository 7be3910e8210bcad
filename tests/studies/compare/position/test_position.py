"""The experiment of absolute position: its arms, what they stop by, its sets, its maps."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pgt_lora.core.recipe import RECIPES, Recipe, load_recipe
from pgt_lora.core.terminal import console
from pgt_lora.data.directory import open_dataset
from pgt_lora.data.scene import Canvas, Scene
from pgt_lora.data.split import cell_of
from pgt_lora.data.tasks.absolute_position import AREAS, TASK, area_of
from pgt_lora.evaluation.paired import Items, Result
from pgt_lora.studies.compare import arms as compare_arms
from pgt_lora.studies.compare.arms import arm_data, arm_validation, parse_arms
from pgt_lora.studies.compare.charts import area_maps
from pgt_lora.studies.compare.position import photographs
from pgt_lora.studies.compare.position.arms import SMALLER, position_data, position_validation
from pgt_lora.studies.compare.position.photographs import arrange, photographed_validation, things
from pgt_lora.studies.compare.runs import plan
from pgt_lora.studies.compare.transfer.grounds import PHOTOGRAPHS
from pgt_lora.studies.compare.transfer.things import draw

RECIPE = RECIPES / "tiny-qwen2.5-vl.yaml"


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    monkeypatch.setenv("PGT_LORA_HOME", str(tmp_path))
    return load_recipe(RECIPE, ["--replay", "0", "--num_test_samples", "18"])


@pytest.mark.slow
def test_shares_are_nested_and_stop_by_the_same_images(recipe: Recipe) -> None:
    with console.capture():
        kept = [open_dataset(position_data(recipe, name)) for name in (*SMALLER, "position")]
        held_out = {tuple(open_dataset(position_validation(recipe, name))["id"]) for name in (*SMALLER, "position")}
    assert [len(each) for each in kept] == [130, 324, 648, 1296]
    for smaller, larger in pairwise(kept):
        assert set(smaller["id"]) < set(larger["id"])
    for each in kept:
        for counts in (Counter(each["answer"]), Counter(map(cell_of, each))):
            assert max(counts.values()) - min(counts.values()) <= 1
    ((validation),) = held_out
    assert len(validation) == 324
    assert not set(validation) & set(kept[-1]["id"])
    with console.capture():
        permuted = open_dataset(position_data(recipe, "position-permuted"))
        arms = arm_data(recipe, parse_arms("base,position-share-0.1,position"))  # unequal, and that is what is asked
    assert Counter(permuted["answer"]) == Counter(kept[-1]["answer"])
    assert permuted["answer"] != kept[-1]["answer"]
    assert list(arms) == ["position-share-0.1", "position"]


def test_each_arm_stops_by_its_own_held_out_set(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    arms = parse_arms("base,position,pgt")
    first = Path("first-set")
    assert arm_validation(recipe, arms, first) == {}
    stopping = load_recipe(RECIPE, ["--eval_strategy", "epoch", "--early_stopping_patience", "2"])
    monkeypatch.setattr(compare_arms, "position_validation", lambda _, name: Path(f"held-out-{name}"))
    found = arm_validation(stopping, arms, first)
    assert found == {"position": Path("held-out-position"), "pgt": first}
    datasets = {"position": Path("a"), "pgt": Path("b")}
    runs = plan(stopping, ["base", "position", "pgt"], datasets, {}, [0], found)
    assert [run.validation for run in runs] == [None, Path("held-out-position"), first]


def test_a_thing_lies_where_the_answer_says_and_is_seen_there() -> None:
    canvas, grounds = Canvas(112, 112), PHOTOGRAPHS["test"]
    answers, numbers, areas = Counter[str](), Counter[int](), []
    for index in range(36):
        arrangement, asked = arrange(index, "test", canvas, grounds)
        question = arrangement.question
        assert f"Where is the {asked.name}?" in question.text
        assert sorted(question.choices or ()) == sorted(AREAS)
        assert area_of(*canvas.place(asked.box)) == question.answer
        assert len({thing.name for thing in arrangement.things}) == len(arrangement.things)
        box = asked.box
        changed = (np.asarray(draw(arrangement)) != arrangement.ground.pixels).any(-1)
        inside = changed[box.top : box.bottom + 1, box.left : box.right + 1]
        assert inside.mean() > 0.2
        answers[question.answer] += 1
        numbers[len(arrangement.things)] += 1
        areas.append(inside.size)
    assert set(answers.values()) == {4}
    assert len(numbers) == 4
    assert min(areas) >= (0.17 * 112 - 1) ** 2


def test_rows_on_photographs_keep_their_place(recipe: Recipe) -> None:
    with console.capture():
        rows = open_dataset(things(recipe, "test", 18))
    for row in rows:
        (region,) = Scene.from_json(row["scene"]).regions
        assert row["task"] == TASK.name
        assert f"Where is the {region.name}?" in row["prompt"][0]["content"]
        assert area_of(*Canvas(112, 112).place(region)) == row["answer"]
    assert len(set(rows["group"])) == 2  # nine questions on each photograph in its turn


def test_a_small_model_stops_by_other_crops_than_it_is_trained_on(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photographs, "NUM_TRAINING", 9)
    monkeypatch.setattr(photographs, "NUM_VALIDATION", 9)
    with console.capture():
        trained = open_dataset(position_data(recipe, "position-photographs"))
        held_out = open_dataset(photographed_validation(recipe))
    images = [{row["images"][0]["bytes"] for row in each} for each in (trained, held_out)]
    assert len(images[0]) == len(images[1]) == 9
    assert not images[0] & images[1]


def test_others_are_asked_about_coco(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(photographs, "build_mix", lambda path, request, overwrite: asked.append((path.name, request)))
    large = replace(recipe, name="qwen2-vl-7b-position")
    photographs.photographed(large, "train")
    photographs.photographed(large, "test")
    (train, drawn), (test, whole) = asked
    assert (drawn.num_samples, drawn.balanced, drawn.split) == (1296, True, "train")
    assert (whole.num_samples, whole.balanced, whole.split) == (None, False, "test")
    assert drawn.shares == whole.shares == {"coco_position": 1.0}
    assert train != test


def test_maps_say_where_an_arm_is_right_and_what_it_answers(recipe: Recipe) -> None:
    with console.capture():
        data = things(recipe, "test", 18)
    columns = ["id", "task", "answer", "answer_format", "choices", "group", "scene"]
    rows = open_dataset(data).select_columns(columns).to_list()
    made = [
        {"question": "", "parsed": area, "correct": area == row["answer"]}
        for row in rows
        for area in ["center" if row["answer"] == "top left" else row["answer"]]
    ]
    numbers = np.zeros(len(rows), int)
    result = Result(Items("Things", data, rows, (TASK.name,), numbers, numbers), {"base": [made], "arm": [made, made]})
    drawn = area_maps(result)
    assert list(drawn) == ["base", "arm"]
    votes = {cell.vote: cell.right.value for cell in drawn["arm"].cells if cell.column < 3 and cell.row < 3}
    assert votes == {"center": 0}
    others = [cell for cell in drawn["arm"].cells if cell.column >= 3 or cell.row >= 3]
    assert len(others) > 4
    assert all(cell.right.value == 1 for cell in others)
    unplaced = Result(Items("Others", data, rows, ("relation",), numbers, numbers), {"base": [made]})
    assert area_maps(unplaced) == {}
