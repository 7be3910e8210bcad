"""Where an image's parts lie among its tokens, and what the vision tower made of each: by the family's own order."""

from dataclasses import dataclass
from math import ceil, isqrt
from typing import Any

import torch

from pgt_lora.models.families.family import Family, WholeView
from pgt_lora.models.transformers_internals import window_order

Area = tuple[float, float, float, float]  # left, top, right, bottom, as fractions of the image


@dataclass(frozen=True)
class Grid:
    """The tokens that show the whole of an image, row by row; `start` is the first of them among the image's tokens."""

    rows: int
    columns: int
    start: int = 0

    def under(self, area: Area) -> list[int]:
        """Return the tokens, counted from `start`, whose part of the image an area reaches into."""
        across = _reach(area[0], area[2], self.columns)
        down = _reach(area[1], area[3], self.rows)
        return [row * self.columns + column for row in down for column in across]


def _reach(low: float, high: float, cells: int) -> range:
    first = min(max(0, int(low * cells + 1e-6)), cells - 1)
    return range(first, max(first + 1, min(ceil(high * cells - 1e-6), cells)))


def image_grid(family: Family, base: Any, batch: Any, num_tokens: int, given: torch.Tensor) -> Grid:
    """Return the grid of a batch's images, which are all of one size; `given` is what the projector took."""
    if family.whole_view == WholeView.ALL:
        _, rows, columns = (batch["image_grid_thw"][0]).tolist()
        side = base.config.vision_config.spatial_merge_size
        return Grid(rows // side, columns // side)
    side = isqrt(given.shape[1])
    return Grid(side, side, 0 if family.whole_view == WholeView.FIRST else num_tokens - side * side)


def tower_states(
    family: Family, base: Any, batch: Any, num_images: int, given: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what the tower made of a batch's images, which are all of one size, from what the projector took.

    Returns:
        The states of all parts, and those of the whole view row by row, shapes (images, parts, hidden) and (images,
        rows x columns, hidden). Qwen's patches that become one token are averaged.
    """
    if family.whole_view == WholeView.ALL:
        vision = base.config.vision_config
        merged = given.reshape(num_images, -1, vision.spatial_merge_size**2, given.shape[-1]).mean(2)
        order = window_order(vision, batch["image_grid_thw"][:1])
        states = merged if order is None else merged[:, order.argsort().to(merged.device)]
        return states, states
    tiles = given.reshape(num_images, -1, *given.shape[1:])
    return tiles.flatten(1, 2), tiles[:, 0 if family.whole_view == WholeView.FIRST else -1]
