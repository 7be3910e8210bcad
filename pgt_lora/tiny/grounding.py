"""An auxiliary lesson for every image token: what has its centre here, where exactly, and where is here.

A language model finds out how to look objects up only after the image tokens say what and where they are, and the
answers alone teach that slowly. These heads teach it directly, on the vision tower's output and on the language
model's last layer, and are thrown away after pre-training, as a classifier's head is.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from pgt_lora.scene import Box, Circle, Scene
from pgt_lora.scene.palette import COLORS

KINDS = ("none", "box", "circle", "A", "B", "C", "D")
MAX_SIDE = 7  # tokens along the longest side of a lesson's image
PARTS = 4  # a token's width and height are told apart in so many parts


def targets(scenes: Sequence[Scene], side: int) -> dict[str, torch.Tensor]:
    """Return class indices (images, side × side tokens) of kind, colour and place; -100 where nothing is asked."""
    shape = (len(scenes), side, side)
    kind = torch.zeros(shape, dtype=torch.long)
    color, x_part, y_part = (torch.full(shape, -100) for _ in range(3))
    for index, scene in enumerate(scenes):
        primitives: list[Box | Circle] = [*scene.boxes, *scene.circles]
        for primitive in primitives:
            x, y = (
                side * c / size
                for c, size in zip(primitive.center, (scene.canvas.width, scene.canvas.height), strict=True)
            )
            cell = (index, int(y), int(x))
            label = "box" if isinstance(primitive, Box) else primitive.label or "circle"
            kind[cell] = KINDS.index(label)
            color[cell] = list(COLORS).index(primitive.color)
            x_part[cell], y_part[cell] = int(x % 1 * PARTS), int(y % 1 * PARTS)
    row = torch.arange(side).view(1, side, 1).expand(shape)
    column = torch.arange(side).view(1, 1, side).expand(shape)
    fields = {"kind": kind, "color": color, "x_part": x_part, "y_part": y_part, "row": row, "column": column}
    return {name: values.reshape(len(scenes), side * side) for name, values in fields.items()}


class Heads(nn.Module):
    """Linear classifiers on image tokens; `asked` names the fields they are asked for."""

    def __init__(self, hidden_size: int, asked: Sequence[str]):
        super().__init__()
        sizes = {
            "kind": len(KINDS),
            "color": len(COLORS),
            "x_part": PARTS,
            "y_part": PARTS,
            "row": MAX_SIDE,
            "column": MAX_SIDE,
        }
        self.norm = nn.RMSNorm(hidden_size)
        self.heads = nn.ModuleDict({name: nn.Linear(hidden_size, sizes[name]) for name in asked})
        # Most tokens hold no centre; without the weight, "none" everywhere is a comfortable answer.
        self.kind_weight = torch.tensor([0.1] + [1.0] * (len(KINDS) - 1))

    def forward(self, tokens: torch.Tensor, expected: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the mean loss over the fields; `tokens` is (images, tokens, hidden_size)."""
        tokens = self.norm(tokens)
        losses = []
        for name, head in self.heads.items():
            logits = head(tokens).flatten(0, 1).float()
            weight = self.kind_weight if name == "kind" else None
            losses.append(cross_entropy(logits, expected[name].flatten(), weight))
        return torch.stack(losses).mean()
