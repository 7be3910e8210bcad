"""`per_device_train_batch_size: auto` is the largest batch that the estimate lets on a card, and keeps the step."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from pgt_lora.core.batches import step_shape
from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe_values import read_values
from pgt_lora.models.names import resolve
from pgt_lora.studies.by_name import finetune
from pgt_lora.training import auto_batch
from pgt_lora.training.auto_batch import card_here, for_this_machine
from pgt_lora.training.dry_run.fitting import fit, fitted, way
from pgt_lora.training.dry_run.memory import GIB
from pgt_lora.training.finetune import finetune as train
from pgt_lora.training.run_directory import claim
from tests.support.dry_runs import TINY, call, dry_run, offline

AUTO = ("--per_device_train_batch_size", "auto")


@pytest.mark.parametrize(("card_gib", "num_processes"), [(16, 1), (24, 1), (24, 4), (80, 1), (80, 8), (140, 2)])
@pytest.mark.parametrize("card", ["h200", "h100", "4090"])
def test_no_way_that_fits_is_faster(card: str, card_gib: float, num_processes: int) -> None:
    found = offline("qwen2.5-vl-3b")
    chosen = fit(found, card_gib, card, num_processes)
    assert chosen is not None and chosen.memory.fits(card_gib)
    share = found.recipe.kit.global_batch_size // num_processes
    assert share % chosen.size == 0
    for size in (each for each in range(1, share + 1) if share % each == 0):
        for checkpointing in (False, True):
            other = way(found, replace(found.setup, checkpointing=checkpointing), size, card)
            if other.memory.fits(card_gib):
                assert other.cost >= chosen.cost - 1e-6
                # Of what is as fast, nothing takes less.
                assert other.cost > chosen.cost + 1e-6 or other.memory.total >= chosen.memory.total


def test_checkpointing_comes_where_it_pays() -> None:
    """What it costs is half as much again; what it gives is that a fast card waits less."""
    found = offline("qwen2.5-vl-3b")
    chosen = {key: fit(found, *key) for key in ((24, "h200"), (24, "4090"), (79.2, "h100"), (12, "4090"))}
    assert {key: (each.size, each.checkpointing) for key, each in chosen.items() if each} == {
        (24, "h200"): (64, True), (24, "4090"): (4, False), (79.2, "h100"): (16, False), (12, "4090"): (8, True),
    }  # fmt: skip
    checkpointed = replace(found, setup=replace(found.setup, checkpointing=True))
    assert fit(checkpointed, 79.2, "h100") == fit(found, 79.2, "h100")  # `auto` stands for both
    assert fit(found, 6) is None
    assert fit(found, 6, num_processes=8, is_sharded=True) is not None


def test_the_global_batch_stays(capsys: pytest.CaptureFixture[str]) -> None:
    found = dry_run("qwen2.5-vl-3b", offline=True, overrides=AUTO)
    assert found.problems == []
    with pytest.raises(InputError, match="auto depends on the GPU's memory when training starts; give a number"):
        step_shape(found.recipe, 1)
    chosen = fitted(found, 80)
    shape = step_shape(chosen.recipe, 1)
    assert (shape.batch_size, shape.num_samples) == (32, 64)
    assert chosen.recipe.values["gradient_checkpointing"] is False
    assert chosen.batch.size == 32
    said = " ".join(capsys.readouterr().out.split())
    assert "auto: 32 samples at a time, without gradient checkpointing: 70.1 GiB of 80.0 by the estimate" in said
    with pytest.raises(InputError, match="not one sample fits a GPU of 6 GiB"):
        fitted(found, 6)


def test_without_a_gpu_it_is_an_error(
    data_dir: Path, overrides: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = resolve(TINY.stem, [*overrides, *AUTO]).recipe
    with pytest.raises(InputError, match="the recipe uses none"):
        for_this_machine(recipe, data_dir)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    status, _, told = call(monkeypatch, capsys, "qwen2.5-vl-3b", "--offline", *AUTO)
    assert (status, "no GPU is visible; give a number" in told) == (2, True)
    number = resolve(TINY.stem, overrides).recipe
    assert for_this_machine(number, data_dir) is number


def test_of_several_gpus_the_smallest_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = (80 * GIB, 24 * GIB)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(memory))
    seen = [SimpleNamespace(total_memory=size, name=f"NVIDIA GeForce RTX {4090 - n}") for n, size in enumerate(memory)]
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: seen[number])
    recipe = replace(offline("qwen2.5-vl-3b").recipe, sft=SimpleNamespace(use_cpu=False))  # type: ignore[arg-type]
    assert card_here(recipe) == (24, "h200")  # which stands for a card that is not known
    seen[1].name = "NVIDIA GeForce RTX 4090"
    assert card_here(recipe) == (24, "4090")


def test_what_is_far_beyond_the_card_is_refused_before_the_base_is_scored(
    data_dir: Path, tmp_path: Path, overrides: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = resolve(TINY.stem, overrides).recipe
    scored: list[object] = []
    monkeypatch.setattr("pgt_lora.training.finetune.card_here", lambda recipe: (0.001, "h200"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    recipe.sft.use_cpu = False
    with pytest.raises(InputError, match=r"4 samples at a time, .* GiB .* --per_device_train_batch_size auto"):
        train(recipe, data_dir, tmp_path / "run", score=lambda *words: scored.append(words))
    assert not scored


def test_training_starts_with_what_the_card_holds(
    data_dir: Path, tmp_path: Path, overrides: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights are those of any other batch; the adapter's recipe says which was chosen."""
    monkeypatch.setattr(auto_batch, "card_here", lambda recipe: (1.5, "h200"))
    words = [*overrides, "--global_batch_size", "16", "--max_steps", "2"]
    adapter = finetune(resolve(TINY.stem, [*words, *AUTO]).recipe, data_dir, tmp_path / "auto")
    assert read_values(adapter / "recipe.yaml")["per_device_train_batch_size"] == 16
    other = finetune(
        resolve(TINY.stem, [*words, "--per_device_train_batch_size", "4"]).recipe, data_dir, tmp_path / "4"
    )
    weights, others = (load_file(path / "adapter_model.safetensors") for path in (adapter, other))
    assert all(torch.allclose(weights[name], value, atol=1e-5) for name, value in others.items())


def test_a_run_goes_on_as_it_was_begun_on_another_machine(
    data_dir: Path, tmp_path: Path, overrides: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, recipe = tmp_path / "run", resolve(TINY.stem, [*overrides, *AUTO]).recipe
    with monkeypatch.context() as patch:
        patch.setattr(auto_batch, "card_here", lambda recipe: (1.5, "h200"))
        begun = for_this_machine(recipe, data_dir, run)
    claim(run, begun, data_dir)
    again = for_this_machine(recipe, data_dir, run)  # where something else would be chosen, or nothing
    assert again.values == begun.values
    claim(run, again, data_dir)
    other = resolve(TINY.stem, [*overrides, *AUTO, "--lora_r", "4"]).recipe
    for chosen_anew in ((other, data_dir, run), (recipe, data_dir)):
        with pytest.raises(InputError, match="the recipe uses none"):
            for_this_machine(*chosen_anew)


def test_check_goes_by_the_card_that_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = call(monkeypatch, capsys, "qwen2.5-vl-3b", "--offline", "--gpu", "4090", *AUTO)
    assert status == 0
    assert "estimated for batches of 4 of" in out
