"""An auxiliary lesson for every image token: what has its centre here, where exactly, and where is here.

A language model finds out how to look objects up only after the image tokens say what and where they are, and answers
alone teach that slowly: without this lesson, a thousand steps left the places in answers at chance. It is asked of the
vision tower's output and of the first two layers of the language model, because what a later layer looks up must
be there before. The heads are thrown away after pre-training, as a classifier's head is.

Beside it, a pointing lesson: where the text names a colour or a letter that one object alone has, one head of the third
layer is taught to attend to that object's token. Spread over all tokens, attention learns this slowly from answers.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from pgt_lora.scene import Box, Circle, Scene
from pgt_lora.scene.palette import COLORS

LETTERS = "ABCD"
KINDS = ("none", "box", "circle", *LETTERS)
PARTS = 4  # a token's width and height are told apart in so many parts
SIDE = 7  # image tokens along a side
CLASSES = {
    "kind": len(KINDS), "color": len(COLORS), "x_part": PARTS, "y_part": PARTS, "row": SIDE, "column": SIDE,
    "x_tens": 10, "y_tens": 10, "x_ones": 10, "y_ones": 10,
}  # fmt: skip

POINTING_LAYER = 2  # counted from 0

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
        primitives: list[Box | Circle] = [*scene.boxes, *scene.circles]
        for primitive in primitives:
            x, y = primitive.center[0] / scene.canvas.width, primitive.center[1] / scene.canvas.height
            cell = (index, int(SIDE * y), int(SIDE * x))
            label = "box" if isinstance(primitive, Box) else primitive.label or "circle"
            found["kind"][cell] = KINDS.index(label)
            found["color"][cell] = list(COLORS).index(primitive.color)
            for axis, value in (("x", x), ("y", y)):
                percent = min(99, round(100 * value))  # as the lessons write a place
                found[f"{axis}_part"][cell] = int(SIDE * value % 1 * PARTS)
                found[f"{axis}_tens"][cell], found[f"{axis}_ones"][cell] = divmod(percent, 10)
    return {name: values.flatten(1) for name, values in found.items()}


def pointing_loss(
    attention: torch.Tensor, ids: torch.Tensor, image: torch.Tensor, scenes: Sequence[Scene], tokenizer: Any
) -> torch.Tensor:
    """Return the mean of -log of the attention that names pay to what they name.

    `attention` is (images, heads, tokens, tokens), of which the first head is taught; `image` marks the image tokens.
    """
    names = list(COLORS) + list(LETTERS)
    token_to_name = torch.full((len(tokenizer),), len(names))
    for index, name in enumerate(names):
        # A letter behind a bracket is an option's, so only the one behind a space counts.
        for text in (name, f" {name}") if name in COLORS else (f" {name}",):
            token_to_name[tokenizer(text, add_special_tokens=False).input_ids] = index
    cells = torch.full((len(scenes), len(names) + 1), -1)
    for row, scene in enumerate(scenes):
        primitives: list[Box | Circle] = [*scene.boxes, *scene.circles]
        called = [(p.color, p) for p in primitives] + [(p.label, p) for p in scene.circles if p.label]
        for name, count in Counter(name for name, _ in called).items():
            primitive = next(p for other, p in called if other == name)
            if count == 1 and name in names:
                x, y = primitive.center[0] / scene.canvas.width, primitive.center[1] / scene.canvas.height
                cells[row, names.index(str(name))] = SIDE * int(SIDE * y) + int(SIDE * x)
    first = image.int().argmax(1)
    cell = cells.gather(1, token_to_name[ids])
    asked = (cell >= 0) & (torch.arange(ids.shape[1]) > first[:, None])
    rows, positions = asked.nonzero(as_tuple=True)
    paid = attention[rows, 0, positions, first[rows] + cell[asked]]
    return -(paid.float() + 1e-6).log().mean()


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
