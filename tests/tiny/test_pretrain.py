"""Pretraining."""

from pathlib import Path

import torch

from pgt_lora.core.streams import stream
from pgt_lora.evaluation.evaluate import load_encoder
from pgt_lora.models.checkpoint import family_of
from pgt_lora.models.encoding import IGNORE, Encoder
from pgt_lora.models.families import template
from pgt_lora.tiny import qwen2_5_vl
from pgt_lora.tiny.lessons import draw_turns
from pgt_lora.tiny.pretrain import Schedule, conversation, pretrain
from tests.support.checkpoints import checkpoint


def test_a_conversation_is_what_the_template_renders(base_dir: Path) -> None:
    encoder = load_encoder(checkpoint(base_dir))
    turns = draw_turns(stream(3, "test"))[1]
    question, ids, labels = conversation(encoder, turns)
    messages = template.messages(question)
    for number, (text, answer) in enumerate(turns):
        messages += [{"role": "user", "content": text}] if number else []
        messages.append({"role": "assistant", "content": answer})
    whole = encoder.processor.apply_chat_template(messages, tokenize=False)
    assert whole.endswith(encoder.processor.tokenizer.decode(ids) + "\n")
    answers = encoder.processor.tokenizer.decode([token for token in labels if token != IGNORE])
    assert answers == "".join(f"{answer}<|im_end|>" for _, answer in turns)


def test_pretraining_depends_on_the_seed_alone(base_dir: Path) -> None:
    def weights() -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        processor = qwen2_5_vl.build_processor()
        model = qwen2_5_vl.build_model(processor)
        pretrain(model, Encoder(family_of(str(base_dir)), processor), Schedule(steps=2, batch_size=2, pool=2))
        return model.state_dict()

    first, second = weights(), weights()
    assert all(torch.equal(first[key], second[key]) for key in first)
