"""Batches of lessons, drawn by worker processes: batch i is the same whatever their number."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from pgt_lora.core.streams import stream
from pgt_lora.data.scene.colors import differences
from pgt_lora.models.encoding import IGNORE, Encoder
from pgt_lora.tiny.conversation import Talk
from pgt_lora.tiny.drawing import paint, shades
from pgt_lora.tiny.grounding import targets
from pgt_lora.tiny.lessons import draw_turns
from pgt_lora.tiny.objects import Turn
from pgt_lora.tiny.picture import Picture
from pgt_lora.tiny.pointing import pointing_targets, token_names
from pgt_lora.tiny.scenes import NAMES_OF_COLORS

Batch = dict[str, torch.Tensor]

Draw = Callable[[Random], tuple[Picture, list[Turn]]]
Drawn = tuple[list[int], list[int], Picture, np.ndarray]


@dataclass(frozen=True)
class Pools(Dataset):
    """Pools of lessons, sorted by length and cut into batches, so that little is padding."""

    talk: Talk
    names: torch.Tensor
    batch_size: int
    pool: int
    seed: int
    draw: Draw = draw_turns

    def __getitem__(self, number: int) -> list[dict[str, np.ndarray]]:
        """Draw the batches of a pool, as arrays: tensors would need shared memory, which containers have little of."""
        drawn: list[Drawn] = []
        size = self.pool * self.batch_size
        for index in range(number * size, (number + 1) * size):
            picture, turns = self.draw(stream(self.seed, "tiny-train", index))
            drawn.append((*self.talk.ids(turns), picture, paint(picture)))
        drawn.sort(key=lambda each: len(each[0]))
        starts = range(0, size, self.batch_size)
        order = stream(self.seed, "tiny-order", number).sample(starts, self.pool)
        encoded = (self.encoded(drawn[start : start + self.batch_size]) for start in order)
        return [{name: values.numpy() for name, values in batch.items()} for batch in encoded]

    def encoded(self, drawn: list[Drawn]) -> Batch:
        """Return lessons as tensors: ids, pixels in bytes, what is supervised, and the auxiliary lessons' targets."""
        ids, labels = (
            torch.nn.utils.rnn.pad_sequence([torch.from_numpy(np.array(each[part])) for each in drawn], True, fill)
            for part, fill in ((0, self.talk.tokenizer.pad_token_id), (1, IGNORE))
        )
        pictures = [picture for _, _, picture, _ in drawn]
        following = labels.roll(-1, 1)
        following[:, -1] = IGNORE
        said = (following != IGNORE).flatten().nonzero().squeeze(1)
        after = self.talk.first_image_token + self.talk.num_image_tokens
        return {
            "ids": ids,
            "pixels": torch.from_numpy(np.stack([pixels for *_, pixels in drawn])),
            "said": said,
            "labels": following.flatten()[said],
            **targets(pictures),
            **pointing_targets(ids, after, pictures, self.names),
        }


def batches(
    encoder: Encoder,
    batch_size: int,
    pool: int,
    seed: int,
    start: int = 0,
    workers: int = 0,
    draw: Draw = draw_turns,
) -> Iterator[Batch]:
    """Yield encoded batches of lessons without end, from batch `start` on."""
    differences()  # what is computed once, before there are processes
    for color in NAMES_OF_COLORS:
        shades(color)
    pools = Pools(Talk(encoder), token_names(encoder.processor.tokenizer), batch_size, pool, seed, draw)
    settings: dict[str, Any] = {"prefetch_factor": 2} if workers else {}
    loader = DataLoader(
        pools,
        batch_size=None,
        sampler=range(start // pool, 10**9),
        num_workers=workers,
        collate_fn=_as_drawn,
        **settings,
    )
    for number, drawn in enumerate(loader, start // pool):
        for offset, batch in enumerate(drawn):
            if number * pool + offset >= start:
                yield {name: torch.from_numpy(values) for name, values in batch.items()}


def _as_drawn(drawn: list[dict[str, np.ndarray]]) -> list[dict[str, np.ndarray]]:
    return drawn
