"""A conversation as its chat template renders it, up to where its last answer begins.

What stands before an answer is what stands before it when it is generated: the template's rendering with a generation
prompt. Some templates put other white space there once the answer is history (LLaVA's for Llama 3 and for OneVision);
it is taken out, so that an answer follows the same text in training, in generation and as history.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError

from pgt_lora.core.errors import InputError
from pgt_lora.data.turns import Role, Turn
from pgt_lora.models.families.family import Family
from pgt_lora.models.families.template import answer_prefix, end_token, messages

if TYPE_CHECKING:
    from transformers import ProcessorMixin


@dataclass(frozen=True)
class Rendered:
    """The text of a conversation up to its last answer, and where the answers before that stand in it, with their ends.

    An end token counts only where the template renders it; Vicuna's renders none.
    """

    prompt: str
    answers: tuple[tuple[int, int], ...] = ()


def render(family: Family, processor: "ProcessorMixin", turns: Sequence[Turn], name: str) -> Rendered:
    """Render turns that end in a question.

    Raises:
        InputError: the template refuses them, leaves out what was said, or changes what was said before; it begins with
            `name`.
    """
    places = [*(place for place, turn in enumerate(turns) if turn.role == Role.ASSISTANT), len(turns)]
    asked = [messages(turns[:place]) for place in places]
    try:
        texts = processor.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
    except TemplateError as error:
        raise InputError(f"{name}: the chat template refuses its turns ({error})") from error
    _check_complete(processor, texts[-1], turns, name)
    if len(texts) == 1:
        return Rendered(texts[0])
    prefix, end = answer_prefix(family, processor), end_token(family, processor)
    prompt, answers = texts[0], []
    for place, (before, after) in zip(places, pairwise(texts), strict=False):
        answer = turns[place].text
        before = before.rstrip()
        space, _, rest = after.removeprefix(before).partition(answer)
        if not after.startswith(before) or space.strip():
            raise InputError(
                f"{name}: the chat template changes earlier turns when another question follows, so its answer "
                f"{answer[:40]!r} cannot be trained there; make a row of each question"
            )
        said = prefix + answer + (end if rest.startswith(end) else "")
        answers.append((len(prompt), len(prompt) + len(said)))
        prompt += prefix + answer + rest
    return Rendered(prompt, tuple(answers))


def _check_complete(processor: Any, text: str, turns: Sequence[Turn], name: str) -> None:
    """Check that every text and every image is rendered, in this order."""
    place = 0
    for turn in turns:
        for part in filter(None, turn.parts):
            place = text.find(part.strip(), place)
            if place < 0:
                raise InputError(
                    f"{name}: the chat template drops text of the {turn.role} ({part[:40]!r}); put it into another turn"
                )
            place += len(part.strip())
    images = sum(turn.num_images for turn in turns)
    if (rendered := text.count(processor.image_token)) != images:
        raise InputError(f"{name}: the chat template shows {rendered} of its {images} images; show them in other turns")
