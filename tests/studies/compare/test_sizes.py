"""How many samples the arms of a comparison have: nothing asked is ignored, and what makes them equal can be typed."""

import shlex
import shutil
from pathlib import Path

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import Recipe
from pgt_lora.data.directory import read_manifest
from pgt_lora.models.names import resolve
from pgt_lora.studies.compare.arms import arm_data, parse_arms
from pgt_lora.studies.compare.compare import compare
from pgt_lora.studies.compare.sizes import check_equal, check_num_samples
from tests.support.command import call

ASKED = ["--num_samples", "16"]


def test_a_number_of_samples_that_no_arm_has_is_refused(root: Path, data_dir: Path, second_dir: Path) -> None:
    fewer = f"take fewer rows with: pgt-lora import {data_dir} --limit N --out DIR"
    with pytest.raises(InputError, match=f"^--num_samples: .*used whole; leave it out, or {fewer}$"):
        compare(resolve("tiny-qwen2.5-vl", ASKED), f"base,a={data_dir},b={second_dir}", "0", [], root / "out", ASKED)
    assert not (root / "out").exists()
    with pytest.raises(InputError, match="used whole"):
        check_num_samples(parse_arms("base,position"), ASKED)
    check_num_samples(parse_arms(f"base,pgt,a={data_dir}"), ASKED)
    check_num_samples(parse_arms(f"base,a={data_dir}"), ["--lora_r", "4"])


def test_arms_are_made_equal_by_what_is_printed(
    root: Path,
    recipe: Recipe,
    data_dir: Path,
    held_out_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    larger = root / "my data"
    shutil.copytree(held_out_dir, larger)  # 400 rows
    arms = parse_arms(f"base,a={data_dir},b={larger}")
    with pytest.raises(InputError, match="a 32, b 400") as raised:
        check_equal(arms, arm_data(recipe, arms))
    command = shlex.split(str(raised.value).partition("fewer rows with: ")[2])
    assert "--num_samples" not in str(raised.value)
    assert call(monkeypatch, capsys, *command[1:]) == (0, "")
    assert read_manifest(root / "my data-32")["num_samples"] == 32
    arms = parse_arms(f"base,a={data_dir},b={root / 'my data-32'}")
    check_equal(arms, arm_data(recipe, arms))


def test_an_arm_of_the_kits_own_making_is_made_smaller(root: Path, recipe: Recipe, data_dir: Path) -> None:
    arms = parse_arms(f"base,pgt,a={data_dir}")
    more = recipe.changed(num_samples=40)
    with pytest.raises(InputError, match=r"pgt 40, a 32\); to make them equal, pass --num_samples 32$"):
        check_equal(arms, arm_data(more, arms))
    fewer = f"take fewer rows with: pgt-lora import {data_dir} --limit 16 --out {data_dir}-16"
    with pytest.raises(InputError, match=f"{fewer}$"):
        check_equal(arms, arm_data(recipe.changed(num_samples=16), arms))
