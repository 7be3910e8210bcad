"""An auxiliary lesson for every image token: what has its centre here, where exactly, and where is here.

A language model finds out how to look objects up only after the image tokens say what and where they are, and answers
alone teach that slowly: without this lesson, a thousand steps left the places in answers at chance. It is asked of the
vision tower's output and of the first two layers of the language model, because what a later layer looks up must
be there before. The heads are thrown away after pre-training, as a classifier's head is.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from pgt_lora.data.scene import Box, Scene
from pgt_lora.data.scene.palette import COLORS
from pgt_lora.tiny.objects import at, everything

LETTERS = "ABCD"
KINDS = ("none", "box", "circle", *LETTERS)
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


def targets(scenes: Sequence[Scene]) -> dict[str, torch.Tensor]:
    """Return class indices of every field, (images, tokens); -100 where nothing has its centre."""
    found = {name: torch.full((len(scenes), SIDE, SIDE), -100) for name in CLASSES}
    found["kind"].zero_()
    found["row"][:] = torch.arange(SIDE).view(SIDE, 1)
    found["column"][:] = torch.arange(SIDE)
    for index, scene in enumerate(scenes):
        for primitive in everything(scene):
            x, y = at(primitive, scene)
            cell = (index, int(SIDE * y), int(SIDE * x))
            label = "box" if isinstance(primitive, Box) else primitive.label or "circle"
            found["kind"][cell] = KINDS.index(label)
            found["color"][cell] = list(COLORS).index(primitive.color)
            for axis, value in (("x", x), ("y", y)):
                percent = min(99, round(100 * value))  # as the lessons write a place
                found[f"{axis}_part"][cell] = int(SIDE * value % 1 * PARTS)
                found[f"{axis}_tens"][cell], found[f"{axis}_ones"][cell] = divmod(percent, 10)
    return {name: values.flatten(1) for name, values in found.items()}


class Heads(nn.Module):
    """Linear classifiers on the image tokens of some layers."""

    def __init__(self, hidden_size: int):
        super().__init__()
        self.norms = nn.ModuleList(nn.RMSNorm(hidden_size) for _ in ASKED)
        self.heads = nn.ModuleList(
            nn.ModuleDict({name: nn.Linear(hidden_size, CLASSES[name]) for name in names}) for names in ASKED.values()
        )
        # Most tokens hold no centre; without the weight, "none" everywhere is a comfortable answer.
        self.kind_weight = torch.tensor([0.1] + [1.0] * (len(KINDS) - 1))

    def forward(self, layers: Sequence[torch.Tensor], scenes: Sequence[Scene]) -> torch.Tensor:
        """Return the sum over the layers asked of the mean loss; each of `layers` is (images, tokens, hidden_size)."""
        expected = targets(scenes)
        total = torch.zeros(())
        for layer, norm, heads in zip(ASKED, self.norms, self.heads, strict=True):
            tokens = norm(layers[layer].float())
            assert isinstance(heads, nn.ModuleDict)
            for name, head in heads.items():
                weight = self.kind_weight if name == "kind" else None
                loss = cross_entropy(head(tokens).flatten(0, 1).float(), expected[name].flatten(), weight)
                total = total + loss / len(heads)
        return total
