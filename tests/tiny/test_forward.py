"""The forward pass of pre-training is each family's own."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch.utils._python_dispatch import TorchDispatchMode

from pgt_lora.core.streams import stream
from pgt_lora.models.checkpoint import family_of
from pgt_lora.models.encoding import Encoder
from pgt_lora.tiny.batches import Pools, batches
from pgt_lora.tiny.conversation import Talk
from pgt_lora.tiny.drawing import paint
from pgt_lora.tiny.forward import fuse_norms, hidden_states, normalized
from pgt_lora.tiny.grounding import Heads
from pgt_lora.tiny.lessons import draw_turns
from pgt_lora.tiny.pointing import token_names
from pgt_lora.tiny.pretrain import Schedule, losses, optimizers
from tests.support.discovered import save_small, small_model, small_processor

NUMBER = 3


@pytest.mark.parametrize("family", ["qwen2_5_vl", "internvl3", "llava_next"])
def test_a_batch_gives_what_the_model_gives(family: str, tmp_path: Path) -> None:
    processor, model = small_processor(family), small_model(family)
    encoder = Encoder(family_of(str(save_small(tmp_path / family, family))), processor)
    talk = Talk(encoder)
    lessons = [draw_turns(stream(0, "test", index)) for index in range(NUMBER)]
    drawn = [(*talk.ids(turns), picture, paint(picture)) for picture, turns in lessons]
    batch = Pools(talk, token_names(processor.tokenizer), NUMBER, 1, 0).encoded(drawn)

    def states() -> list[torch.Tensor]:
        pixels = normalized(batch["pixels"], processor.image_processor)
        return hidden_states(model, batch["ids"], pixels, talk.first_image_token, talk.num_image_tokens)

    with torch.no_grad():
        found = states()
        fuse_norms(model)
        for usual, fused in zip(found, states(), strict=True):
            torch.testing.assert_close(fused, usual, rtol=1e-4, atol=1e-5)
        for index, (ids, _, _, pixels) in enumerate(drawn):
            expected = reference(encoder, lessons[index][1][0][0], pixels, ids)
            whole = model.model(**expected, output_hidden_states=True, use_cache=False).hidden_states
            for ours, theirs in zip(found, whole, strict=True):
                torch.testing.assert_close(ours[index, : len(ids)], theirs[0], rtol=1e-4, atol=1e-5)


class Counted(TorchDispatchMode):
    """Counts what PyTorch is told to do, views aside."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen[str(func)] += not func.is_view
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("family", ["qwen2_5_vl", "internvl3", "llava_next"])
def test_a_step_starts_few_kernels_and_waits_for_none(family: str, tmp_path: Path) -> None:
    processor, model = small_processor(family), small_model(family)
    encoder = Encoder(family_of(str(save_small(tmp_path / family, family))), processor)
    model.set_attn_implementation("pointing")
    fuse_norms(model)
    heads, talk = Heads(model.config.get_text_config().hidden_size), Talk(encoder)
    stepping = optimizers(model, heads, Schedule(steps=2))
    drawn = batches(encoder, 2, 1, 0)
    for batch in (next(drawn), next(drawn)):
        with Counted() as counted:
            sum(losses(model, batch, heads, talk)).backward()  # type: ignore[union-attr]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer in stepping:
                optimizer.step()
                optimizer.zero_grad()
    assert counted.seen.total() < 2000
    assert not any(name in told for told in counted.seen for name in ("local_scalar", "nonzero", "item"))


def reference(encoder: Encoder, question: str, pixels: Any, ids: list[int]) -> dict[str, Any]:
    """What the kit's own encoder makes of a conversation, whose first ids it makes itself."""
    row = {"id": "lesson", "images": [Image.fromarray(pixels)], "prompt": [{"role": "user", "content": question}]}
    prompts = encoder.prompts([row])
    start = prompts["input_ids"].shape[1]
    assert prompts["input_ids"][0].tolist() == ids[:start]
    return encoder.extend(prompts, [ids[start:]])
