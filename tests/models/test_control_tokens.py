"""Somebody else's text is text: what would steer a model is refused by row, before anything is trained or asked."""

import gc
import weakref

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.models.encoding import Encoder, control_tokens
from pgt_lora.models.families.template import end_token
from pgt_lora.models.lengths import measure
from tests.support.discovered import CASE_NAMES, CASES, FAMILIES, small_processor
from tests.support.samples import row


@pytest.fixture(params=CASES, ids=CASE_NAMES)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    name, form = request.param
    return Encoder(FAMILIES[name], small_processor(name, form))


def test_control_tokens_are_refused_in_questions_and_answers(encoder: Encoder) -> None:
    processor = encoder.processor
    tokens = {end_token(encoder.family, processor), processor.image_token, processor.tokenizer.eos_token}
    assert len(control_tokens(processor).pattern) > 10
    for token in tokens:
        sample = row()
        for part in ("prompt", "completion"):
            (turn,) = sample[part]
            bad = sample | {part: [turn | {"content": f"left {token} of it"}]}
            with pytest.raises(InputError) as refused:
                measure(encoder, [sample, bad])
            assert sample["id"] in str(refused.value)
            assert repr(token) in str(refused.value)


def test_a_processor_is_not_kept_for_good() -> None:
    name, form = CASES[0]
    kept = []
    for _ in range(5):
        encoder = Encoder(FAMILIES[name], small_processor(name, form))
        encoder.text_ids(row())
        kept.append(weakref.ref(encoder.processor))
    del encoder
    gc.collect()
    assert sum(each() is not None for each in kept) <= 2


def test_plain_text_that_looks_alike_stays_text(encoder: Encoder) -> None:
    for text in ("a < b > c", "<b>bold</b>", "[INST", "im_end", "x</t>", "what is <|this|>?"):
        sample = row()
        (turn,) = sample["prompt"]
        assert encoder.text_ids(sample | {"prompt": [turn | {"content": text}]}).answer
