"""The name of a feature cache: another where anything is another that the features depend on, else the same."""

import shutil
from pathlib import Path

import torch

from pgt_lora.data.directory import open_dataset
from pgt_lora.models.checkpoint import family_of, load_model, load_processor
from pgt_lora.models.encoding import Encoder
from pgt_lora.models.feature_cache import fingerprint
from tests.support.discovered import saved_model, small_processor


def test_a_cache_is_another_for_other_weights_pixels_data_or_types(tmp_path: Path) -> None:
    model, encoder = saved_model("qwen2_5_vl", tmp_path / "base")
    first = fingerprint(model, encoder, "data")
    assert first == fingerprint(model, encoder, "data")
    assert first != fingerprint(model, encoder, "other")
    assert first != fingerprint(load_model(str(tmp_path / "base"), dtype=torch.bfloat16), encoder, "data")
    with torch.no_grad():
        model.model.language_model.layers[0].mlp.up_proj.weight += 1  # as training does to q, k and v
        assert first == fingerprint(model, encoder, "data")
        model.model.visual.blocks[0].mlp.up_proj.bias[0] += 1e-3
    assert first != fingerprint(model, encoder, "data")
    changed = fingerprint(model, encoder, "data")
    encoder.processor.image_processor.image_mean = [0.0, 0.0, 0.0]
    assert changed != fingerprint(model, encoder, "data")


def test_a_cache_is_another_for_other_settings_of_the_model_or_the_processor(tmp_path: Path) -> None:
    _, encoder = saved_model("llava_next", tmp_path / "base")
    model = load_model(str(tmp_path / "base"), dtype=torch.float32)
    names = [fingerprint(model, encoder, "data")]
    other = load_model(str(tmp_path / "base"), dtype=torch.float32, vision_feature_layer=-1)
    names.append(fingerprint(other, encoder, "data"))
    for settings, name, value in (
        (model.config.vision_config, "layer_norm_eps", 1e-3),
        (encoder.processor, "vision_feature_select_strategy", "full"),
        (encoder.processor, "num_additional_image_tokens", 0),
    ):
        setattr(settings, name, value)
        names.append(fingerprint(model, encoder, "data"))
    assert len(set(names)) == len(names)
    same = load_model(str(shutil.copytree(tmp_path / "base", tmp_path / "moved")), dtype=torch.float32)
    same.config.use_cache, same.config.pad_token_id = False, 7  # as training sets them
    assert fingerprint(same, Encoder(encoder.family, small_processor("llava_next")), "data") == names[0]


def test_the_processor_of_a_checkpoint_gives_the_same_cache_each_time(base_dir: Path, data_dir: Path) -> None:
    model = load_model(str(base_dir))
    encoders = [Encoder(family_of(str(base_dir)), load_processor(str(base_dir))) for _ in range(2)]
    encoders[1].prompts(open_dataset(data_dir).to_list()[:2])  # leaves its padding in the tokenizer
    first, second = (fingerprint(model, each, "data") for each in encoders)
    assert first == second
