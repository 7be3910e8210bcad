"""An auxiliary lesson for every image token: what has its center here, where exactly, and where is here.

A language model finds out how to look objects up only after the image tokens say what and where they are, and answers
alone teach that slowly: without this lesson, a thousand steps left the places in answers at chance. It is asked of the
vision tower's output and of the first two layers of the language model, because what a later layer looks up must
be there before. The heads are thrown away after pre-training, as a classifier's head is.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from pgt_lora.data.scene.palette import COLORS
from pgt_lora.tiny.objects import at, everything, hundredths, kind_of
from pgt_lora.tiny.picture import Picture
from pgt_lora.tiny.things import NAMES

LETTERS = "ABCD"
KINDS = ("none", "box", "circle", *LETTERS, *NAMES)
PARTS = 4  # a token's width and height are told apart in so many parts
SIDE = 7  # image tokens along a side
CLASSES = {
    "kind": len(KINDS), "color": len(COLORS), "x_part": PARTS, "y_part": PARTS, "row": SIDE, "column": SIDE,
    "x_tens": 10, "y_tens": 10, "x_ones": 10, "y_ones": 10,
}  # fmt: skip

# What is asked of the language model's input (0: the vision tower's output) and of the outputs of its layers.
ASKED: Mapping[int, Sequence[str]] = {
    0: ("kind", "color", "x_part", "y_part"),
    1: ("kind", "color", "row", "column"),
    2: ("kind", "color", "x_tens", "y_tens", "x_ones", "y_ones"),
}


def targets(pictures: Sequence[Picture]) -> dict[str, torch.Tensor]:
    """Return class indices of every field, (pictures, tokens); -100 where nothing has its center."""
    found = {name: torch.full((len(pictures), SIDE, SIDE), -100) for name in CLASSES}
    found["kind"].zero_()
    found["row"][:] = torch.arange(SIDE).view(SIDE, 1)
    found["column"][:] = torch.arange(SIDE)
    fields = {name: values.numpy() for name, values in found.items()}  # much faster to write to
    colors = list(COLORS)
    for index, picture in enumerate(pictures):
        for each in everything(picture):
            (x, y), percent = at(each, picture), hundredths(each, picture)  # as the lessons write a place
            cell = (index, int(SIDE * y), int(SIDE * x))
            fields["kind"][cell] = KINDS.index(kind_of(each))
            fields["color"][cell] = colors.index(each.color)
            for axis, value, hundredth in (("x", x, percent[0]), ("y", y, percent[1])):
                fields[f"{axis}_part"][cell] = int(SIDE * value % 1 * PARTS)
                fields[f"{axis}_tens"][cell], fields[f"{axis}_ones"][cell] = divmod(hundredth, 10)
    return {name: values.flatten(1) for name, values in found.items()}


class Heads(nn.Module):
    """Linear classifiers on the image tokens of some layers."""

    def __init__(self, hidden_size: int):
        super().__init__()
        self.norms = nn.ModuleList(nn.RMSNorm(hidden_size) for _ in ASKED)
        # One matrix for all fields of a layer: on a GPU, each product costs as much as its start.
        self.heads = nn.ModuleList(nn.Linear(hidden_size, sum(CLASSES[n] for n in names)) for names in ASKED.values())
        # Most tokens hold no center; without the weight, "none" everywhere is a comfortable answer.
        self.register_buffer("kind_weight", torch.tensor([0.1] + [1.0] * (len(KINDS) - 1)))

    def forward(self, layers: Sequence[torch.Tensor], expected: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the sum over the layers asked of the mean loss; each of `layers` is (images, tokens, hidden_size)."""
        total = layers[0].new_zeros(())
        for (layer, names), norm, head in zip(ASKED.items(), self.norms, self.heads, strict=True):
            scores = head(norm(layers[layer].float())).float().flatten(0, 1).split([CLASSES[n] for n in names], 1)
            for name, score in zip(names, scores, strict=True):
                weight = self.get_buffer("kind_weight") if name == "kind" else None
                total = total + cross_entropy(score, expected[name].flatten(), weight) / len(names)
        return total
