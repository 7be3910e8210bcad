"""What stands around an answer in a chat, read off the checkpoint's own template.

One architecture may have a chat format for each of its language models (LLaVA-NeXT: Vicuna, Mistral, Llama 3, …), so an
answer is rendered, and what stands before and after it is taken.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pgt_lora.core.errors import InputError
from pgt_lora.data.turns import IMAGE, Role, Turn
from pgt_lora.models.families.family import Family

if TYPE_CHECKING:
    from transformers import ProcessorMixin

ANSWER = "answer"
QUESTION = Turn(Role.USER, (IMAGE, "question"))


def messages(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """Return turns as chat templates take them."""
    return [{"role": turn.role.value, "content": [_content(part) for part in turn.parts]} for turn in turns]


def _content(part: str | None) -> dict[str, str]:
    return {"type": "image"} if part is IMAGE else {"type": "text", "text": part}


@lru_cache(maxsize=2)  # a processor that is kept keeps its tokenizer, 30 MB
def around_answer(processor: "ProcessorMixin") -> tuple[str, str]:
    """Return what the chat template renders before an answer, with all that was said, and after the answer.

    Raises:
        InputError: the template renders no answer.
    """
    turns = messages((QUESTION, Turn(Role.ASSISTANT, (ANSWER,))))
    before, found, after = processor.apply_chat_template(turns, tokenize=False).rpartition(ANSWER)
    if not found:
        raise no_answer(processor)
    return before, after


def generation_prompt(processor: "ProcessorMixin") -> str:
    """Return what the chat template renders for an answer to be generated."""
    rendered: str = processor.apply_chat_template(messages((QUESTION,)), add_generation_prompt=True, tokenize=False)
    return rendered


def no_answer(processor: "ProcessorMixin") -> InputError:
    """Return the error that an answer is rendered nowhere, or elsewhere than where it would be generated."""
    prompt = generation_prompt(processor)
    return InputError(f"the chat template renders no answer after its own generation prompt {prompt!r}")


def end_token(family: Family, processor: "ProcessorMixin") -> str:
    """Return the special token that the template renders after an answer, or the tokenizer's end of sequence.

    Vicuna's template renders none; a model trained on what it renders would never learn to stop.
    """
    if family.end_token is not None:
        return family.end_token
    after = around_answer(processor)[1].lstrip()
    tokenizer = processor.tokenizer
    special = [str(token) for token in tokenizer.added_tokens_decoder.values() if after.startswith(str(token))]
    return max(special, key=len, default=tokenizer.eos_token)


def answer_prefix(family: Family, processor: "ProcessorMixin") -> str:
    """Return what stands between the prompt and the answer: the space after Vicuna's and Mistral's, mostly nothing.

    Llama 3's LLaVA template puts a newline there, behind a prompt that ends in two already. LLaVA's training had none.

    Raises:
        InputError: the template renders an answer elsewhere than behind its own generation prompt.
    """
    if family.answer_prefix is not None:
        return family.answer_prefix
    before, prompt = around_answer(processor)[0], generation_prompt(processor)
    if not before.startswith(prompt):
        raise no_answer(processor)
    return before.removeprefix(prompt).lstrip("\n")
