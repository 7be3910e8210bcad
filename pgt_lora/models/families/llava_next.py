"""LLaVA-NeXT: one architecture, and a chat format for each of its language models (Vicuna, Mistral, Llama 3, …).

The checkpoint's own template tells which: an answer is rendered, and what stands around it is read off.
"""

from functools import cache
from typing import TYPE_CHECKING

from pgt_lora.core.errors import InputError
from pgt_lora.models.families.adapter import Adapter

if TYPE_CHECKING:
    from transformers import ProcessorMixin

ANSWER = "answer"


@cache
def around_answer(processor: "ProcessorMixin") -> tuple[str, str]:
    """Return what the chat template renders between the generation prompt and an answer, and after the answer.

    Raises:
        InputError: the template renders an answer elsewhere than behind its own generation prompt.
    """
    turns = ADAPTER.messages("question")
    prompt = processor.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    turns.append({"role": "assistant", "content": [{"type": "text", "text": ANSWER}]})
    rendered = processor.apply_chat_template(turns, tokenize=False)
    before, found, after = rendered.removeprefix(prompt).partition(ANSWER)
    if not rendered.startswith(prompt) or not found:
        raise InputError(f"llava_next: the chat template renders no answer behind its generation prompt {prompt!r}")
    return before, after


def end_token(processor: "ProcessorMixin") -> str:
    """Return the special token that the template renders after an answer, or the tokenizer's end of sequence.

    Vicuna's template renders none; a model trained on what it renders would never learn to stop.
    """
    after = around_answer(processor)[1].lstrip()
    tokenizer = processor.tokenizer
    special = [str(token) for token in tokenizer.added_tokens_decoder.values() if after.startswith(str(token))]
    return max(special, key=len, default=tokenizer.eos_token)


def answer_prefix(processor: "ProcessorMixin") -> str:
    """Return the space after Vicuna's and Mistral's prompt, or nothing.

    Llama 3's template puts a newline there, behind a prompt that ends in two already. LLaVA's own training had none.
    """
    return around_answer(processor)[0].lstrip("\n")


ADAPTER = Adapter(
    name="llava_next",
    model_type="llava_next",
    lmms_eval="llava_hf",
    # CLIP's attention has q_proj, k_proj and v_proj too, so the path is what tells them apart.
    lora_targets=r"model\.language_model\.layers\.\d+\.self_attn\.[qkv]_proj",
    end_token=end_token,
    answer_prefix=answer_prefix,
)
