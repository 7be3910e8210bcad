"""What a checkpoint says of generation changes no answer."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GenerationConfig

from pgt_lora.data.directory import open_dataset
from pgt_lora.evaluation.evaluate import load_for_evaluation
from pgt_lora.evaluation.generation import Generation, answer
from tests.support.checkpoints import checkpoint

HOSTILE: dict[str, dict[str, Any]] = {
    "repeats": {"no_repeat_ngram_size": 1, "repetition_penalty": 5.0, "encoder_repetition_penalty": 3.0},
    "forbidden": {"suppress_tokens": list(range(40, 200)), "begin_suppress_tokens": list(range(200, 400))},
    "bad words": {"bad_words_ids": [[each] for each in range(40, 200)], "remove_invalid_values": True},
    "biased": {"sequence_bias": [[[50], 50.0]], "exponential_decay_length_penalty": [1, 9.0]},
    "lengths": {"min_length": 900, "min_new_tokens": 5, "max_length": 1, "max_time": 1e-9, "early_stopping": "never"},
    "beams": {"num_beams": 3, "length_penalty": -5.0, "num_return_sequences": 2},
    "sampled": {"do_sample": True, "temperature": 9.0, "top_k": 3, "top_p": 0.1, "min_p": 0.3, "typical_p": 0.2},
    "forced": {"forced_eos_token_id": 7, "forced_bos_token_id": 7, "eos_token_id": [5, 6, 7], "pad_token_id": 9},
    "outputs": {"return_dict_in_generate": True, "output_scores": True, "output_logits": True},
    "guided": {"guidance_scale": 4.0, "token_healing": True, "stop_strings": ["a", "e", "1"]},
    "looked up": {"prompt_lookup_num_tokens": 3, "penalty_alpha": 0.6, "num_beam_groups": 2, "diversity_penalty": 1.0},
    "cached": {"use_cache": False, "cache_implementation": "static"},
    "unknown": {
        "no_such_key": [1],
        "dola_layers": "high",
        "constraints": [1],
        "force_words_ids": [[1]],
        "low_memory": True,
    },
}


@pytest.fixture(scope="module")
def clean(base_dir: Path, data_dir: Path) -> tuple[Any, Any, Any, list[str]]:
    model, encoder = load_for_evaluation(checkpoint(base_dir))
    with torch.no_grad():  # random weights answer alike whatever they see; larger ones tell questions apart
        for parameter in model.parameters():
            parameter.mul_(4) if parameter.ndim > 1 else None
    rows = open_dataset(data_dir).select(range(6))
    return model, encoder, rows, list(answer(model, encoder, rows, Generation(6, 6)))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_models_own_generation_config_changes_no_answer(clean: tuple[Any, Any, Any, list[str]], name: str) -> None:
    model, encoder, rows, expected = clean
    own = model.generation_config
    hostile = GenerationConfig()
    for field, value in HOSTILE[name].items():
        setattr(hostile, field, value)
    model.generation_config = hostile
    try:
        assert list(answer(model, encoder, rows, Generation(6, 6))) == expected
        assert model.generation_config is hostile  # it is the model's again
    finally:
        model.generation_config = own
    assert len(set(expected)) > 1


UNREADABLE = ("{", '{"num_beams": "many"}', "[]")


@pytest.mark.parametrize("text", [json.dumps(HOSTILE["repeats"] | HOSTILE["unknown"]), *UNREADABLE])
def test_a_checkpoints_generation_config_is_not_even_read(
    base_dir: Path, data_dir: Path, tmp_path: Path, text: str
) -> None:
    shutil.copytree(base_dir, tmp_path / "base")
    (tmp_path / "base" / "generation_config.json").write_text(text)
    rows = open_dataset(data_dir).select(range(4))
    answers = [
        list(answer(*load_for_evaluation(checkpoint(path)), rows, Generation(4, 6)))
        for path in (base_dir, tmp_path / "base")
    ]
    assert answers[0] == answers[1]


def test_an_answer_ends_at_the_tokenizers_own_ends_too(
    clean: tuple[Any, Any, Any, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, encoder, rows, _ = clean
    tokenizer = encoder.processor.tokenizer
    padding, letters = tokenizer.pad_token_id, tokenizer("A B", add_special_tokens=False)["input_ids"]
    assert padding != encoder.end_id
    said = iter([letters[0], padding, letters[1], encoder.end_id])

    class Saying(torch.nn.Module):
        def forward(self, hidden: torch.Tensor) -> torch.Tensor:
            token = torch.tensor(next(said)).expand(hidden.shape[:-1])
            return torch.nn.functional.one_hot(token, len(tokenizer)).to(hidden.dtype)

    monkeypatch.setattr(model, "lm_head", Saying())
    assert list(answer(model, encoder, rows.select([0]), Generation(1, 6))) == [tokenizer.decode(letters[:1])]
