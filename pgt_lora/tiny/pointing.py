"""An auxiliary lesson for attention: a word that names a color, a letter or a thing attends to what it names.

Four heads are taught. In one layer, one attends to the object's token where one object alone has the name, and another
shares its attention among all objects that have it and a resting place, the first token of the text: what it reads
tells how many there are, and none at all. In the layer after it, a word that names a letter attends with one head to
the other objects of the letter's color, or rests, and with another to the other letters, the nearer the more. Spread
over all tokens at first, attention learns this from answers alone in thousands of steps, if ever.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from pgt_lora.data.scene.palette import COLORS
from pgt_lora.models.transformers_internals import sdpa_attention_forward
from pgt_lora.tiny.grounding import LETTERS, SIDE
from pgt_lora.tiny.objects import at, distance, everything, kind_of, lettered
from pgt_lora.tiny.picture import Picture
from pgt_lora.tiny.things import NAMES as THINGS

LAYER, NEXT_LAYER = 2, 3  # counted from 0
ONE, MANY = 0, 1  # heads of the first ...
ALIKE, NEAR = 0, 2  # ... and of the second, which share no keys
RESTING_SHARE = 4.0  # the first token counts as so many objects ...
RESTING_SHARE_ALIKE = 0.5  # ... for those that are alike, of which there are few
NEARNESS = 0.12  # of the side, at which a letter counts for 1/e of one that is here
NAMES = (*COLORS, *LETTERS, *THINGS)
TOKENS = SIDE * SIDE


def attend(
    module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **kwargs: Any
) -> tuple[torch.Tensor, None]:
    """Attend in 32 bits, which is faster on a CPU than bfloat16, and keep the weights of the taught layers."""
    with torch.autocast(query.device.type, enabled=False):
        query, key, value = query.float(), key.float(), value.float()
        if not module.is_causal or attention_mask is not None:
            return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
        key, value = (each.repeat_interleave(query.shape[1] // each.shape[1], dim=1) for each in (key, value))
        if getattr(module, "layer_idx", None) not in (LAYER, NEXT_LAYER):
            found = scaled_dot_product_attention(query, key, value, is_causal=True, scale=query.shape[-1] ** -0.5)
            return found.transpose(1, 2).contiguous(), None
        future = torch.ones(query.shape[2], query.shape[2], dtype=torch.bool, device=query.device).triu(1)
        scores = (query @ key.mT * query.shape[-1] ** -0.5).masked_fill(future, float("-inf"))
        module.attention = scores.softmax(-1)
        return (module.attention @ value).transpose(1, 2).contiguous(), None


# Without a function for its masks, Transformers makes none and does not wait for the device to see whether it could.
AttentionInterface.register("pointing", attend)


def cells(picture: Picture) -> np.ndarray:
    """Return how many objects of each name have their center at each image token: (names, tokens)."""
    found = np.zeros((len(NAMES), TOKENS), np.float32)
    for each in everything(picture):
        for name in {each.color, kind_of(each)} & set(NAMES):
            found[NAMES.index(name), _token(each, picture)] += 1
    return found


def companions(picture: Picture) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return for each letter how many others of its color lie at each image token, and shares of the near letters."""
    circles, found = lettered(picture), {}
    for circle in circles:
        alike, near = np.zeros(TOKENS, np.float32), np.zeros(TOKENS, np.float32)
        for other in everything(picture):
            if other is not circle and other.color == circle.color:
                alike[_token(other, picture)] += 1
        for other in circles:
            if other is not circle:
                near[_token(other, picture)] += np.exp(-distance(circle, other, picture) / NEARNESS)
        found[str(circle.label)] = alike, near / max(near.sum(), 1e-9)
    return found


def _token(each: Any, picture: Picture) -> int:
    x, y = at(each, picture)
    return SIDE * int(SIDE * y) + int(SIDE * x)


def token_names(tokenizer: Any) -> torch.Tensor:
    """Return for every token of the vocabulary the index of the name that it is, or -1."""
    found = torch.full((len(tokenizer),), -1)
    for index, name in enumerate(NAMES):
        # A letter behind a bracket is an option's, so only the one behind a space counts.
        for text in (f" {name}",) if name in LETTERS else (name, f" {name}"):
            ids = tokenizer(text, add_special_tokens=False).input_ids
            if len(ids) == 1:
                found[ids] = index
    return found


def pointing_targets(
    ids: torch.Tensor, after: int, pictures: Sequence[Picture], names: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Return where each naming word of a batch should attend, for `pointing_losses`.

    `ids` is (images, tokens), `after` the first token behind the image, and `names` is of `token_names`. `words` and
    `letters` count tokens through the batch.
    """
    numpy_names, numpy_ids = names.numpy(), ids.numpy()
    words, wanted, letters, alike, near = [], [], [], [], []
    for row, picture in enumerate(pictures):
        found, others = cells(picture), companions(picture)
        named = numpy_names[numpy_ids[row, after:]]
        for position in np.flatnonzero(named >= 0):
            word, name = row * ids.shape[1] + after + int(position), NAMES[named[position]]
            words.append(word)
            wanted.append(found[named[position]])
            if name in others and len(others) > 1:
                letters.append(word)
                alike.append(others[name][0])
                near.append(others[name][1])

    def stacked(rows: list[np.ndarray]) -> torch.Tensor:
        return torch.from_numpy(np.stack(rows)) if rows else torch.zeros(0, TOKENS)

    return {
        "words": torch.tensor(words, dtype=torch.long), "wanted": stacked(wanted),
        "letters": torch.tensor(letters, dtype=torch.long), "alike": stacked(alike), "near": stacked(near),
    }  # fmt: skip


def pointing_losses(
    first: torch.Tensor, second: torch.Tensor, image: int, asked: dict[str, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return how far the four heads are from where they should attend, as means of relative entropies.

    `first` and `second` are the attention of the two layers, (images, heads, tokens, tokens), `image` is the first
    image token, and `asked` is of `pointing_targets`.
    """

    def paid(attention: torch.Tensor, head: int, rows: str) -> tuple[torch.Tensor, torch.Tensor]:
        chosen = attention[:, head].flatten(0, 1).index_select(0, asked[rows])
        return (chosen[:, :1] + 1e-6).log(), (chosen[:, image : image + TOKENS] + 1e-6).log()

    def entropy(logs: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
        shares = shares / shares.sum(1, keepdim=True).clamp(min=1e-9)
        return torch.nn.functional.kl_div(logs, shares, reduction="sum") / max(1, len(shares))

    wanted = asked["wanted"]
    single = (wanted.sum(1) == 1).float()
    one = -((paid(first, ONE, "words")[1] * wanted).sum(1) * single).sum() / single.sum().clamp(min=1)
    many, alike = (
        entropy(torch.cat(paid(attention, head, rows), 1), torch.cat((found.new_full((len(found), 1), rest), found), 1))
        for attention, head, rows, found, rest in (
            (first, MANY, "words", wanted, RESTING_SHARE),
            (second, ALIKE, "letters", asked["alike"], RESTING_SHARE_ALIKE),
        )
    )
    return one, many, alike, entropy(paid(second, NEAR, "letters")[1], asked["near"])
