"""Chat templates: LLaVA-NeXT's forms, and those that are published."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from tokenizers import normalizers

from pgt_lora.core.errors import InputError
from pgt_lora.models.encoding import Encoder
from pgt_lora.models.families.template import answer_prefix, end_token
from tests.support.discovered import FAMILIES, forms, small_processor
from tests.support.samples import ANSWERS, row

PUBLISHED = Path(str(find_spec("trl").origin)).parent / "chat_templates"


@pytest.mark.parametrize("form", forms("llava_next"))
def test_llava_forms_are_told_apart_by_their_templates(form: str) -> None:
    processor = small_processor("llava_next", form)
    expected = {"vicuna": ("</s>", " "), "mistral": ("</s>", " "), "llama3": ("<|eot_id|>", "")}[form]
    family = FAMILIES["llava_next"]
    assert (end_token(family, processor), answer_prefix(family, processor)) == expected
    # The tokenizer's own end token is not asked where the template renders one.
    if form == "llama3":
        processor = small_processor("llava_next", form)
        processor.tokenizer.eos_token = "<|end_of_text|>"
        assert end_token(family, processor) == "<|eot_id|>"
        assert end_token(replace(family, end_token="<|end_of_text|>"), processor) == "<|end_of_text|>"


@pytest.mark.parametrize(("name", "form"), [("llava_next", "mistral"), ("qwen2_5_vl", None), ("qwen3_vl", None)])
def test_published_templates_render_the_same_prompt(name: str, form: str | None) -> None:
    """The small models' templates are our own words for what is published; TRL's package carries three of those."""
    processor = small_processor(name, form)
    encoder = Encoder(FAMILIES[name], processor)
    ours, ours_end = encoder.prompt_text(row()), encoder.end_id
    ours_ids = encoder.text_ids(row()).answer
    published = small_processor(name, form)
    published.chat_template = (PUBLISHED / f"{name}.jinja").read_text(encoding="utf-8")
    theirs = Encoder(FAMILIES[name], published)
    assert theirs.prompt_text(row()) == ours
    assert theirs.end_id == ours_end
    assert theirs.text_ids(row()).answer == ours_ids


@pytest.mark.parametrize("form", ["vicuna", "mistral"])
@pytest.mark.parametrize("answer_text", ANSWERS.values(), ids=ANSWERS)
def test_tokenizers_that_prepend_a_space_do_not_double_it(form: str, answer_text: str) -> None:
    """Older conversions of SentencePiece models put a space before every text, so " above" alone has two."""
    processor = small_processor("llava_next", form)
    tokenizer = processor.tokenizer
    space = normalizers.Replace(" ", "▁")
    tokenizer.backend_tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), space])
    tokenizer.backend_tokenizer.pre_tokenizer = None
    encoder = Encoder(FAMILIES["llava_next"], processor)
    *ids, end = encoder.text_ids(row(answer_text)).answer
    assert end == tokenizer.eos_token_id
    assert tokenizer.convert_ids_to_tokens(ids)[0].startswith("▁")
    assert "".join(tokenizer.convert_ids_to_tokens(ids)) == "▁" + answer_text.replace(" ", "▁")
    assert tokenizer(" " + answer_text, add_special_tokens=False).input_ids != ids


def test_a_template_without_an_answer_is_refused() -> None:
    processor = small_processor("llava_next", "vicuna")
    processor.chat_template = "{{ 'ASSISTANT:' if add_generation_prompt else 'USER:' }}"
    with pytest.raises(InputError, match="renders no answer after its own generation prompt 'ASSISTANT:'"):
        end_token(FAMILIES["llava_next"], processor)
