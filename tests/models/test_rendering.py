"""Chat templates that do not hold a conversation: none is trained on as if they did."""

import pytest

from pgt_lora.core.errors import InputError
from pgt_lora.data.turns import IMAGE, Form, Role, Turn
from pgt_lora.models.encoding import Encoder
from tests.support.conversations import asked, png, said, sample
from tests.support.discovered import FAMILIES, small_processor

TALK = (Turn(Role.SYSTEM, ("Be brief.",)), asked(IMAGE, "What is this?"), said("A square."))
OWN = """{% for message in messages %}<|im_start|>{{ message.role }}
{% for part in message.content %}{% if part.type == 'image' %}<|image_pad|>{% else %}{{ part.text }}{% endif %}
{% endfor %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
REFUSED = {
    "forgets": ("in messages %}", "in messages[-2:] %}", "drops text of the system \\('Be brief"),
    "shows no image": ("<|image_pad|>", "", "shows 0 of its 1 images"),
    "rewrites": (
        "{{ part.text }}",
        "{{ part.text }}{% if messages|length > 3 %}!{% endif %}",
        "changes earlier turns when another question follows, so its answer 'A square.'",
    ),
    "drops answers": (
        "{{ part.text }}",
        "{% if message.role != 'assistant' or messages|length < 4 %}{{ part.text }}{% endif %}",
        "drops text of the assistant",
    ),
    "refuses": ("{% for m", "{{ raise_exception('one turn alone') }}{% for m", "refuses its turns \\(one turn alone"),
}


@pytest.mark.parametrize("name", [None, *REFUSED])
def test_a_template_that_does_not_hold_a_conversation_is_an_error(name: str | None) -> None:
    encoder = Encoder(FAMILIES["qwen2_5_vl"], small_processor("qwen2_5_vl"))
    row = sample("odd", "And which color?", "blue", images=(png("blue"),), history=TALK).to_row(Form.CONVERSATIONS)
    if name is None:
        encoder.processor.chat_template = OWN
        assert encoder.text_ids(row).earlier
        return
    old, new, message = REFUSED[name]
    encoder.processor.chat_template = OWN.replace(old, new)
    with pytest.raises(InputError, match=f"row odd: the chat template {message}"):
        encoder.text_ids(row)
