import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch.utils.data._utils.pin_memory import pin_memory

from pgt_lora.core.errors import InputError
from pgt_lora.core.recipe import RECIPES, load_recipe
from pgt_lora.data.directory import open_dataset
from pgt_lora.evaluation.generation import Generation, answer
from pgt_lora.models import feature_cache as features_module
from pgt_lora.models.cached_encoder import FEATURES_FILE, CachedEncoder, read
from pgt_lora.models.feature_cache import cached, cut, num_bytes, write
from pgt_lora.models.lengths import Length, measure
from pgt_lora.training.finetune import finetune
from tests.support.discovered import FAMILIES, saved_model

# The families of which the language model takes no more of an image than its features.
CACHED = [name for name, family in FAMILIES.items() if family.features_suffice]
RECIPE = RECIPES / "tiny-qwen2.5-vl.yaml"


@pytest.fixture
def own_dir(data_dir: Path, tmp_path: Path) -> Path:
    """A dataset directory with no cache beside it."""
    return Path(shutil.copytree(data_dir, tmp_path / "data" / "pgt"))


def caches(root: Path) -> Sequence[Path]:
    return sorted(root.glob("data/pgt-features-*"))


@pytest.mark.parametrize("name", CACHED)
def test_what_is_cached_is_what_the_model_computes(name: str, own_dir: Path, tmp_path: Path) -> None:
    model, encoder = saved_model(name, tmp_path / "base")
    rows = open_dataset(own_dir)
    found = cached(encoder, model, rows, own_dir, 1.0, measure(encoder, rows))
    assert isinstance(found, CachedEncoder)
    (directory,) = caches(tmp_path)
    size = (directory / FEATURES_FILE).stat().st_size
    assert size <= num_bytes(model, measure(encoder, rows)) < 1.05 * size
    chosen = [rows[index] for index in (3, 17, 5)]
    for made_by in ("prompts", "training_batch"):
        usual, from_cache = (dict(getattr(each, made_by)(chosen)) for each in (encoder, found))
        assert set(usual) - {"pixel_values"} == set(from_cache) - {"mm_encoder_outputs"}
        assert all(torch.equal(usual[key], from_cache[key]) for key in set(usual) - {"pixel_values"})
    losses = [model(**each.training_batch(chosen)).loss for each in (encoder, found)]
    torch.testing.assert_close(*losses)
    torch.testing.assert_close(model(**found.prompts(chosen)).logits, model(**encoder.prompts(chosen)).logits)
    other = [rows[index] for index in (4, 17, 5)]  # another image under the same cache must not do as well
    swapped = {**found.training_batch(chosen), "mm_encoder_outputs": found.prompts(other)["mm_encoder_outputs"]}
    assert abs(float(model(**swapped).loss - losses[0])) > 1e-6
    generation = Generation(max_new_tokens=3)
    assert list(answer(model, found, chosen, generation)) == list(answer(model, encoder, chosen, generation))


@pytest.mark.parametrize("name", CACHED)
def test_batches_go_into_page_locked_memory(
    name: str, own_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a data loader does to every batch where there is a GPU; locking itself needs one."""
    model, encoder = saved_model(name, tmp_path / "base")
    rows = open_dataset(own_dir)
    batch = cached(encoder, model, rows, own_dir, 1.0, measure(encoder, rows)).training_batch([rows[0], rows[1]])
    locked = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: (locked.append(tensor), tensor.clone())[1])
    pinned = pin_memory(batch)
    assert len(locked) == len(batch)
    torch.testing.assert_close(model(**pinned).loss, model(**batch).loss)


def test_an_image_is_computed_once_and_a_cache_is_used_again(
    own_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, encoder = saved_model("qwen2_5_vl", tmp_path / "base")
    rows = [dict(row) for row in open_dataset(own_dir)]
    for row in rows[16:]:
        row["images"] = rows[0]["images"]
    seen: list[int] = []
    compute = features_module.compute
    monkeypatch.setattr(
        features_module, "compute", lambda base, batch: (seen.append(len(batch["input_ids"])), compute(base, batch))[1]
    )
    (tmp_path / "written").mkdir()
    write(tmp_path / "written", model, encoder, rows, measure(encoder, rows))
    assert sum(seen) == 16
    found = read(tmp_path / "written", model, encoder)
    usual, from_cache = (model(**each.training_batch(rows[14:20])).loss for each in (encoder, found))
    torch.testing.assert_close(usual, from_cache)
    rows[5]["id"] = rows[6]["id"]
    with pytest.raises(InputError, match=f"row {rows[6]['id']}: two rows have this id"):
        write(tmp_path / "written", model, encoder, rows, measure(encoder, rows))

    seen.clear()
    stored = open_dataset(own_dir)
    for _ in range(2):
        cached(encoder, model, stored, own_dir, 1.0, measure(encoder, stored))
    assert sum(seen) == 32


def test_large_images_are_computed_in_smaller_parts_and_to_the_same_features(
    own_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, encoder = saved_model("qwen2_5_vl", tmp_path / "base")
    rows = open_dataset(own_dir).to_list()[:12]
    large = Image.effect_noise((224, 224), 50)
    for index, row in enumerate(rows[6:8]):
        row["images"] = [large.rotate(90 * index).convert("RGB")]
    lengths = measure(encoder, rows)
    assert {length.image for length in lengths} == {49, 196}
    seen: list[int] = []
    compute = features_module.compute
    monkeypatch.setattr(
        features_module, "compute", lambda base, batch: (seen.append(len(batch["input_ids"])), compute(base, batch))[1]
    )
    found = []
    for side in (448, 40):  # of the 32 images whose tokens a part may have
        monkeypatch.setattr(features_module, "SIDE", side)
        (directory := tmp_path / str(side)).mkdir()
        write(directory, model, encoder, rows, lengths)
        found.append(read(directory, model, encoder).cache.opened().features)
    assert seen == [12, 7, 5]
    torch.testing.assert_close(*found)


def test_a_part_has_one_row_at_least_and_32_at_most() -> None:
    large, small = Length("", 9, 0, 0), Length("", 1, 0, 0)
    assert cut(range(4), [large, small, small, large], 8) == [[0], [1, 2], [3]]
    assert [len(part) for part in cut(range(70), [small] * 70, 100)] == [32, 32, 6]
    assert cut([], [], 8) == []


def test_what_does_not_fit_is_computed_anew_and_said(
    own_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, encoder = saved_model("qwen2_5_vl", tmp_path / "base")
    rows = open_dataset(own_dir)
    lengths = measure(encoder, rows)
    assert cached(encoder, model, rows, own_dir, 1e-6, lengths) is encoder
    assert "more than feature_cache_gb 1e-06" in " ".join(capsys.readouterr().out.split())
    assert cached(encoder, model, rows, own_dir, 0, lengths) is encoder
    partly = replace(encoder, family=replace(encoder.family, features_suffice=False))
    assert cached(partly, model, rows, own_dir, 1.0, lengths) is partly
    assert not caches(tmp_path)


@pytest.mark.slow
def test_training_is_the_same_with_and_without(
    base_dir: Path, own_dir: Path, overrides: list[str], tmp_path: Path
) -> None:
    weights = []
    # The last one's batches are made by another process.
    for words in ("--feature_cache_gb 0", "--feature_cache_gb 1", "--dataloader_num_workers 1"):
        recipe = load_recipe(RECIPE, [*overrides, "--max_steps", "4", *words.split()])
        adapter = finetune(recipe, own_dir, tmp_path / words)
        weights.append(load_file(adapter / "adapter_model.safetensors"))
    assert len(caches(tmp_path)) == 1
    for key, value in weights[0].items():
        for other in weights[1:]:
            torch.testing.assert_close(value, other[key])


def test_a_cache_that_another_run_made_meanwhile_is_read(
    own_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, encoder = saved_model("qwen2_5_vl", tmp_path / "base")
    rows = open_dataset(own_dir)
    write_whole = features_module.write

    def beaten(directory: Path, *args: Any) -> None:
        write_whole(directory, *args)
        name = directory.name.partition(".partial-")[0]
        if not directory.with_name(name).exists():
            shutil.copytree(directory, directory.with_name(name))

    monkeypatch.setattr(features_module, "write", beaten)
    assert isinstance(cached(encoder, model, rows, own_dir, 1.0, measure(encoder, rows)), CachedEncoder)
    assert len(caches(tmp_path)) == 1
