"""Arms and their data."""

from pathlib import Path

import pytest

from pgt_lora.core.recipe import Recipe
from pgt_lora.data.blend import blend
from pgt_lora.data.directory import MANIFEST, open_dataset, read_manifest
from pgt_lora.data.weights import parse_weights, units
from pgt_lora.studies.compare.arms import Arm, arm_data, parse_arms, weights_without


def test_a_unit_is_left_out_and_the_total_stays(root: Path, recipe: Recipe) -> None:
    for unit, tasks in units().items():
        weights = weights_without(unit, parse_weights("families"))
        assert not set(tasks) & set(weights)
        assert sum(weights.values()) == pytest.approx(1)
    found = arm_data(recipe, parse_arms("base,pgt,pgt-no-relational,pgt-no-distance"))
    assert "base" not in found
    manifests = {name: read_manifest(path) for name, path in found.items()}
    assert {manifest["num_samples"] for manifest in manifests.values()} == {32}
    assert set(manifests["pgt"]["counts"]) - set(manifests["pgt-no-relational"]["counts"]) == {
        "relation",
        "coordinates",
    }
    assert "distance" not in manifests["pgt-no-distance"]["counts"]
    made = {name: (path / MANIFEST).stat().st_mtime_ns for name, path in found.items()}
    assert arm_data(recipe, parse_arms("pgt,pgt-no-distance")).items() <= found.items()
    assert made == {name: (path / MANIFEST).stat().st_mtime_ns for name, path in found.items()}


def test_the_recipe_s_weights_hold_where_a_unit_is_left_out() -> None:
    assert weights_without("counting", parse_weights("relation=1,counting=2,distance=3")) == {
        "relation": 0.25, "distance": 0.75,
    }  # fmt: skip


def test_varied_and_permuted_arms(root: Path, recipe: Recipe) -> None:
    recipe = recipe.changed(replay=0.0)
    found = arm_data(recipe, parse_arms("pgt,pgt-varied,pgt-permuted,pgt-varied-permuted"))
    styles = {name: read_manifest(path)["asked"].get("style") for name, path in found.items()}
    assert styles == {"pgt": "plain", "pgt-varied": "varied", "pgt-permuted": None, "pgt-varied-permuted": None}
    for name in ("pgt", "pgt-varied"):
        rows, twins = (open_dataset(found[each]).to_list() for each in (name, f"{name}-permuted"))
        for kept in ("id", "images", "prompt", "choices", "scene", "group"):
            assert [row[kept] for row in rows] == [row[kept] for row in twins]
        assert all(row["answer"] in (row["choices"] or [row["answer"]]) for row in twins)
        assert any(a["answer"] != b["answer"] for a, b in zip(rows, twins, strict=True))


def test_two_datasets_are_blended(root: Path, data_dir: Path, second_dir: Path) -> None:
    path = blend(data_dir, second_dir, 0.5, 31)
    rows = open_dataset(path).to_list()
    whole = {row["id"]: row for source in (data_dir, second_dir) for row in open_dataset(source).to_list()}
    ids = [{row["id"] for row in open_dataset(source)} for source in (data_dir, second_dir)]
    assert len(rows) == 31
    assert [sum(row["id"] in each for row in rows) for each in ids] == [15, 16]
    assert all(row == whole[row["id"]] for row in rows)
    made = (path / MANIFEST).stat().st_mtime_ns
    assert blend(data_dir, second_dir, 0.5, 31) == path
    assert (path / MANIFEST).stat().st_mtime_ns == made
    blend(data_dir, second_dir, 0.5, 30)
    assert read_manifest(path)["num_samples"] == 30


def test_arms_are_read(data_dir: Path) -> None:
    assert parse_arms("base, pgt+mix,pgt-no-counting,mine=a/b") == [
        Arm("base"), Arm("pgt+mix"), Arm("pgt-no-counting"), Arm("mine", Path("a/b")),
    ]  # fmt: skip
    assert parse_arms("base,specialized-mix=a")[1].directory == Path("a")
