"""A comparison's runs."""

from pathlib import Path

import pytest

from pgt_lora.models.names import resolve
from pgt_lora.studies.compare import runs as compare_runs
from pgt_lora.studies.compare.runs import plan, shared_images


def test_a_run_is_named_by_all_that_makes_it(
    overrides: list[str], data_dir: Path, second_dir: Path, held_out_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def names(data: Path = data_dir, more: tuple[str, ...] = ()) -> list[str]:
        recipe = resolve("tiny-qwen2.5-vl", [*overrides, *more]).recipe
        return [run.name for run in plan(recipe, ["base", "mine"], {"mine": data}, {}, [0, 1])]

    base, *trained = names()
    assert names() == [base, *trained]
    assert len({base, *trained}) == 3
    for others in (names(second_dir), names(more=("--lora_r", "4"))):
        assert others[0] == base  # the base model has no data and no rank
        assert not set(others[1:]) & set(trained)
    assert names(more=("--max_new_tokens", "4"))[0] != base
    recipe = resolve("tiny-qwen2.5-vl", overrides).recipe
    looked_at = [
        plan(recipe, ["mine"], {"mine": data_dir}, {}, [0], {"mine": path})[0].name
        for path in (held_out_dir, second_dir)
    ]
    assert len({*looked_at, *trained}) == 4  # another set may have chosen other weights
    monkeypatch.setattr(compare_runs, "versions", lambda *names: dict.fromkeys(names, "another"))
    assert not set(names()) & {base, *trained}


def test_images_that_were_trained_on_are_counted(data_dir: Path, held_out_dir: Path) -> None:
    assert shared_images({"a": held_out_dir}, data_dir) == 0
    assert shared_images({"a": held_out_dir, "b": data_dir}, data_dir) == 32
