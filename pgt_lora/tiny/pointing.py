"""An auxiliary lesson for attention: a word that names a colour or a letter attends to what it names.

Two heads of one layer are taught. One attends to the object's token where one object alone has the colour or letter.
The other shares its attention among all objects that have it and a resting place, the first token of the text: what
it reads tells how many there are, and none at all. Spread over all tokens at first, attention learns this from answers
alone in thousands of steps, if ever.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface

from pgt_lora.data.scene import Scene
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.models.transformers_internals import sdpa_attention_forward, sdpa_mask
from pgt_lora.tiny.grounding import LETTERS, SIDE
from pgt_lora.tiny.objects import at, everything

LAYER = 2  # counted from 0
RESTING_SHARE = 4.0  # the first token counts as so many objects
NAMES = (*COLORS, *LETTERS)


def attend(
    module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **kwargs: Any
) -> tuple[torch.Tensor, None]:
    """Attend in 32 bits, which is faster on a CPU than bfloat16, and keep the weights of the taught layer."""
    with torch.autocast("cpu", enabled=False):
        query, key, value = query.float(), key.float(), value.float()
        if getattr(module, "layer_idx", None) != LAYER or not module.is_causal:
            return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
        key, value = (each.repeat_interleave(query.shape[1] // each.shape[1], dim=1) for each in (key, value))
        future = torch.ones(query.shape[2], query.shape[2], dtype=torch.bool).triu(1)
        scores = (query @ key.mT * query.shape[-1] ** -0.5).masked_fill(future, float("-inf"))
        module.attention = scores.softmax(-1)
        return (module.attention @ value).transpose(1, 2).contiguous(), None


AttentionInterface.register("pointing", attend)
AttentionMaskInterface.register("pointing", sdpa_mask)


def cells(scenes: Sequence[Scene]) -> torch.Tensor:
    """Return how many objects of each name have their centre at each image token: (images, names, tokens)."""
    found = torch.zeros(len(scenes), len(NAMES), SIDE * SIDE)
    for row, scene in enumerate(scenes):
        for primitive in everything(scene):
            x, y = at(primitive, scene)
            for name in (primitive.color, getattr(primitive, "label", None)):
                if name:
                    found[row, NAMES.index(name), SIDE * int(SIDE * y) + int(SIDE * x)] += 1
    return found


def token_names(tokenizer: Any) -> torch.Tensor:
    """Return for every token of the vocabulary the index of the name that it is, or -1."""
    found = torch.full((len(tokenizer),), -1)
    for index, name in enumerate(NAMES):
        # A letter behind a bracket is an option's, so only the one behind a space counts.
        for text in (name, f" {name}") if name in COLORS else (f" {name}",):
            found[tokenizer(text, add_special_tokens=False).input_ids] = index
    return found


def pointing_losses(
    attention: torch.Tensor, ids: torch.Tensor, image: torch.Tensor, scenes: Sequence[Scene], names: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how far the head that points and the head that counts are from where they should attend.

    Both are means of relative entropies. `attention` is (images, heads, tokens, tokens), `image` marks the image
    tokens, and `names` is of `token_names`.
    """
    first = image.int().argmax(1)
    asked = (names[ids] >= 0) & (torch.arange(ids.shape[1]) > first[:, None])
    rows, positions = asked.nonzero(as_tuple=True)
    wanted = cells(scenes)[rows, names[ids[asked]]]
    columns = first[rows, None] + torch.arange(SIDE * SIDE)
    one, many = ((attention[rows, head, positions] + 1e-6).log() for head in (0, 1))
    single = wanted.sum(1) == 1
    pointing = -(one.gather(1, columns) * wanted)[single].sum(1).mean().nan_to_num()  # no such name: nothing to learn
    shares = torch.cat((torch.full((len(rows), 1), RESTING_SHARE), wanted), 1)
    paid = torch.cat((many[:, :1], many.gather(1, columns)), 1)
    counting = torch.nn.functional.kl_div(paid, shares / shares.sum(1, keepdim=True), reduction="batchmean")
    return pointing, counting
