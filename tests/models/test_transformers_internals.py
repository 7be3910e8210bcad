"""What is private in Transformers and TRL is still what the kit takes it for: a version that changes it fails here."""

import inspect
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
import torch

from pgt_lora.models import transformers_internals as internals
from pgt_lora.models.checkpoint import load_model
from pgt_lora.models.weight_files import read_tensors, weight_files
from tests.support.discovered import FAMILIES, small_model, small_processor


@pytest.mark.parametrize("name", FAMILIES)
def test_image_tokens_are_counted_by_the_processor(name: str) -> None:
    assert internals.num_image_tokens(small_processor(name), (112, 112)) > 0


def test_a_tile_of_logits_is_as_large_as_memory_is_estimated_for() -> None:
    kernels = inspect.getsource(import_module("trl.kernels.chunked_logprob"))
    head = inspect.getsource(import_module("trl.trainer.utils"))
    assert str(internals.TILE_WORDS) in kernels + head
    assert str(internals.TILE_TOKENS) in kernels + head


@pytest.mark.parametrize("name", [name for name, family in FAMILIES.items() if family.features_suffice])
def test_models_take_image_features_by_that_argument(name: str) -> None:
    source = Path(inspect.getfile(type(small_model(name)))).read_text(encoding="utf-8")
    assert internals.FEATURES in source


@pytest.mark.parametrize("name", FAMILIES)
def test_the_parts_that_the_loss_patches_are_there(name: str) -> None:
    model = small_model(name)
    last = model.get_decoder().layers[-1]
    assert isinstance(last.self_attn.o_proj, torch.nn.Linear)
    assert list(inspect.signature(last.mlp.forward).parameters) == [
        next(iter(inspect.signature(last.mlp.forward).parameters))
    ]
    assert model.base_model is not model


def test_the_attention_of_the_small_models_lessons_is_there() -> None:
    assert "attention_mask" in inspect.signature(internals.sdpa_attention_forward).parameters
    assert internals.PRETOKENIZE_REGEX.startswith("(?i:")


@pytest.mark.parametrize("name", FAMILIES)
def test_keys_of_files_are_named_as_they_are_loaded(name: str, checkpoint_of: Callable[[str], Path]) -> None:
    directory, model = checkpoint_of(name), small_model(name)
    stored = {key: tensor for path in weight_files(directory) for key, tensor in read_tensors(path)}
    names = internals.parameter_names(model, stored)
    assert names.keys() == stored.keys()
    own = load_model(str(directory)).state_dict()
    assert all(torch.equal(own[names[key]], stored[key]) for key in stored)
    assert internals.parameter_names(model, own) == {key: key for key in own}  # the layout of newer saves
