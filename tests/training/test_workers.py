"""What a data loader's worker gets can be pickled, where processes are not forked: macOS, Windows, Python 3.14."""

import pickle
from functools import partial
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from pgt_lora.core.recipe import RECIPES, load_recipe
from pgt_lora.data.directory import open_dataset
from pgt_lora.models.cached_encoder import CachedEncoder
from pgt_lora.models.encoding import Encoder
from pgt_lora.training.build import batch_with_ids, prepare
from pgt_lora.training.measured import measured
from tests.support.discovered import FAMILIES, small_processor


@pytest.mark.parametrize("name", FAMILIES)
def test_an_encoder_of_every_family_travels(name: str, data_dir: Path) -> None:
    rows = [open_dataset(data_dir)[index] for index in range(3)]
    encoder = Encoder(FAMILIES[name], small_processor(name))
    here, there = (each.training_batch(rows) for each in (encoder, pickle.loads(pickle.dumps(encoder))))
    assert here.keys() == there.keys()
    assert all(torch.equal(here[key], there[key]) for key in here)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_workers_that_are_not_forked_make_the_same_batches_from_the_cache(
    method: str, data_dir: Path, overrides: list[str]
) -> None:
    recipe = load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", overrides)
    rows = open_dataset(data_dir)
    encoder = prepare(recipe, measured(recipe, rows, data_dir)).training.encoder
    assert isinstance(encoder, CachedEncoder)
    # The mapped features travel as their path, not as a copy.
    assert len(pickle.dumps(encoder.cache)) < 1000
    collate = partial(batch_with_ids, encoder)
    loader = DataLoader(rows, batch_size=8, collate_fn=collate, num_workers=1, multiprocessing_context=method)
    batches = list(loader)
    assert [name for batch in batches for name in batch["ids"]] == rows["id"]
    expected = collate([rows[index] for index in range(8)])
    assert torch.equal(batches[0]["input_ids"], expected["input_ids"])
    features = [each["mm_encoder_outputs"]["image"].pooler_output for each in (batches[0], expected)]
    pairs = zip(*(each if isinstance(each, tuple) else (each,) for each in features), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
