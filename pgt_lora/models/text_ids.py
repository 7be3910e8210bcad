"""The ids of what is said in a conversation, and which of them are supervised."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from pgt_lora.core.errors import InputError

IGNORE = -100


@dataclass(frozen=True)
class TextIds:
    """The ids of a conversation: those up to its last answer, each image being one placeholder, and the answer's.

    `earlier` are the ranges of the answers in the prompt, which are supervised, too; `text` is the prompt's.
    """

    prompt: list[int]
    earlier: list[range]
    answer: list[int]
    text: str

    @property
    def num_supervised(self) -> int:
        """The number of ids that are supervised: of all answers, with their ends."""
        return len(self.answer) + sum(map(len, self.earlier))

    def prompt_labels(self, ids: torch.Tensor, image_id: int) -> torch.Tensor:
        """Return the labels of the prompt's ids in which images stand in the place of placeholders, shape (tokens)."""
        labels = torch.full_like(ids, IGNORE)
        if not self.earlier:
            return labels
        said = torch.tensor(self.prompt)
        is_text = said != image_id
        # What an image becomes holds no token of the text around it.
        places = torch.isin(ids, said[is_text]).nonzero().flatten()
        number = is_text.cumsum(0) - 1
        for earlier in self.earlier:
            where = places[number[earlier.start : earlier.stop]]
            labels[where] = ids[where]
        return labels


def tokens_of(span: tuple[int, int], places: Sequence[tuple[int, int]], name: str) -> range:
    """Return which tokens make up a span of a text; `places` are those of all tokens in it.

    Raises:
        InputError: a token goes across an end of the span; the message begins with `name`.
    """
    start, end = span
    inside = [number for number, (first, last) in enumerate(places) if first < end and last > start]
    if places[inside[0]][0] < start or places[inside[-1]][1] > end:
        raise InputError(f"{name}: an earlier answer merges with the text around it")
    return range(inside[0], inside[-1] + 1)
