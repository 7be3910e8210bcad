"""What every model family must guarantee, on small random-weight models of the real classes."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from pgt_lora.core.errors import InputError
from pgt_lora.evaluation.generation import Generation, answer
from pgt_lora.models.checkpoint import load_processor
from pgt_lora.models.encoding import IGNORE, Encoder
from pgt_lora.models.families.template import answer_prefix, end_token
from tests.support.discovered import CASES, FAMILIES, Subject, forms
from tests.support.samples import ANSWERS, SIZES, row, rows, unpadded


def supervised_logits(model: Any, encoder: Encoder, part: Sequence[Any]) -> list[torch.Tensor]:
    batch = encoder.training_batch(part)
    labels = batch.pop("labels")[:, 1:]
    with torch.inference_mode():
        logits = model(**batch).logits[:, :-1]
    return [each[kept != IGNORE] for each, kept in zip(logits, labels, strict=True)]


def test_all_families_are_found() -> None:
    assert len(FAMILIES) >= 3
    assert len({family.model_type for family in FAMILIES.values()}) == len(FAMILIES)
    assert set(forms("llava_next")) == {"vicuna", "mistral", "llama3"}
    assert set(forms("internvl3")) == {"qwen2", "qwen3"}
    assert len(CASES) == len(FAMILIES) + 3


@pytest.mark.parametrize("size", SIZES)
def test_the_prompt_is_what_transformers_makes_of_it(subject: Subject, size: tuple[int, int]) -> None:
    """No resizing, tiling or special token is our own: ids and pixels equal those of the processor's own chat path."""
    sample = row(size=size)
    content = [{"type": "image", "image": sample["images"][0]}, {"type": "text", "text": "Where is the red box?"}]
    expected = subject.encoder.processor.apply_chat_template(
        [{"role": "user", "content": content}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        processor_kwargs={"return_tensors": "pt"},
    )
    made = subject.encoder.prompts([sample])
    assert made.keys() == expected.keys()
    for name, values in expected.items():
        assert torch.equal(made[name], values), name


@pytest.mark.parametrize("answer_text", ANSWERS.values(), ids=ANSWERS)
def test_training_continues_the_prompt_of_generation(subject: Subject, answer_text: str) -> None:
    encoder, sample = subject.encoder, row(answer_text)
    (prompt,) = unpadded(encoder.prompts([sample]))
    batch = encoder.training_batch([row("False", (300, 100)), sample])
    whole, labels = unpadded(batch)[1], unpadded(batch, "labels")[1]
    assert whole[: len(prompt)] == prompt
    assert labels == [IGNORE] * len(prompt) + whole[len(prompt) :]
    assert batch["labels"][batch["attention_mask"] == 0].unique().tolist() in ([], [IGNORE])


@pytest.mark.parametrize("answer_text", ANSWERS.values(), ids=ANSWERS)
def test_the_answer_and_one_end_token_are_supervised(subject: Subject, answer_text: str) -> None:
    family, processor, tokenizer = (
        subject.encoder.family,
        subject.encoder.processor,
        subject.encoder.processor.tokenizer,
    )
    ids = subject.encoder.text_ids(row(answer_text)).answer
    end_text = end_token(family, processor)
    end = tokenizer.convert_tokens_to_ids(end_text)
    assert end != tokenizer.unk_token_id or tokenizer.unk_token == end_text
    assert ids[-1] == end
    assert end not in ids[:-1]
    assert tokenizer.decode(ids, skip_special_tokens=True).strip() == answer_text
    assert tokenizer.decode(ids).strip() == answer_text + end_text
    # What a user gets who tokenises prompt and answer as one text, without any code of ours.
    prompt = subject.encoder.prompt_text(row())
    text = prompt + answer_prefix(family, processor) + answer_text
    assert tokenizer(text).input_ids == tokenizer(prompt).input_ids + ids[:-1]


def test_one_bos_where_the_tokenizer_has_one(subject: Subject) -> None:
    tokenizer = subject.encoder.processor.tokenizer
    expected = 0 if tokenizer.bos_token is None else 1
    assert expected == (subject.name == "llava_next")
    template = subject.encoder.processor.chat_template
    for prefix in ("", "{{ bos_token }}" if expected else ""):
        subject.encoder.processor.chat_template = prefix + template
        try:
            for ids in unpadded(subject.encoder.training_batch(rows())):
                assert ids.count(tokenizer.bos_token_id) == expected
                assert expected == 0 or ids[0] == tokenizer.bos_token_id
        finally:
            subject.encoder.processor.chat_template = template


def test_roles_and_markers_are_single_tokens(subject: Subject) -> None:
    """A marker that the tokenizer does not know falls apart into letters, and no error says so."""
    processor = subject.encoder.processor
    markers = re.findall(r"<\|\w+\|>|</?\w+>", subject.encoder.prompt_text(row()))
    assert "<image>" in markers or subject.name != "llava_next"
    for marker in [*markers, end_token(subject.encoder.family, processor)]:
        assert len(processor.tokenizer(marker, add_special_tokens=False).input_ids) == 1, marker


def test_batched_generation_equals_one_by_one(subject: Subject) -> None:
    encoder, model, part = subject.encoder, subject.model, rows()
    batch = encoder.prompts(part)
    kept = batch["attention_mask"]
    assert (kept.diff(dim=1) >= 0).all()
    assert kept.min() == 0
    together = list(answer(model, encoder, part, Generation(len(part), 6)))
    assert together == list(answer(model, encoder, part, Generation(1, 6)))
    # Random weights say much the same to everything, so the logits are what tells.
    settings = {"max_new_tokens": 2, "do_sample": False, "output_logits": True, "return_dict_in_generate": True}
    settings["eos_token_id"] = None
    first = torch.stack(model.generate(**batch, **settings).logits)
    for i, sample in enumerate(part):
        alone = torch.stack(model.generate(**encoder.prompts([sample]), **settings).logits)
        torch.testing.assert_close(first[:, i], alone[:, 0], rtol=0, atol=2e-5)


def test_batched_training_equals_one_by_one(subject: Subject) -> None:
    encoder, model, part = subject.encoder, subject.model, rows()
    kept = encoder.training_batch(part)["attention_mask"]
    assert (kept.diff(dim=1) <= 0).all()
    assert kept.min() == 0
    for logits, sample in zip(supervised_logits(model, encoder, part), part, strict=True):
        (alone,) = supervised_logits(model, encoder, [sample])
        torch.testing.assert_close(logits, alone, rtol=0, atol=2e-5)


def test_the_image_reaches_the_answer(subject: Subject) -> None:
    first, second = supervised_logits(subject.model, subject.encoder, [row(), row()])
    assert (first - second).abs().max() > 1e-4


def test_placeholders_are_as_many_as_features(subject: Subject) -> None:
    encoder, model = subject.encoder, subject.model
    counts = []
    for size in SIZES:
        batch = encoder.prompts([row(size=size)])
        pixels = {name: batch[name] for name in ("pixel_values", "image_grid_thw", "image_sizes") if name in batch}
        with torch.inference_mode():
            features = model.model.get_image_features(**pixels).pooler_output
        counts.append(int((batch["input_ids"] == model.config.image_token_id).sum()))
        assert counts[-1] == sum(each.flatten(0, -2).shape[0] for each in features)
    assert counts[0] == {"qwen2_5_vl": 49, "internvl3": 49, "llava_next": 105}.get(subject.name, counts[0])
    assert len(set(counts)) > 1, "images of different sizes are to give different numbers of tokens"


def test_an_answer_that_merges_with_the_prompt_is_refused(subject: Subject) -> None:
    processor = load_processor(str(subject.directory))
    encoder = replace(subject.encoder, processor=processor)
    last = encoder.prompt_text(row())[-1]
    processor.tokenizer.add_tokens([last + answer_prefix(encoder.family, processor) + "above"])
    assert encoder.text_ids(row("B"))
    with pytest.raises(InputError, match=r"row above-\(112, 112\): its answer 'above' merges"):
        encoder.text_ids(row("above"))
