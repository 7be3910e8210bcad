"""The size in which a model sees an image of a size: what its image processor makes of it, without an image."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from pgt_lora.core.errors import InputError
from pgt_lora.data.overlay.plan import scaled
from pgt_lora.data.scene import Canvas
from pgt_lora.models.checkpoint import load_processor
from pgt_lora.models.names import resolve
from pgt_lora.models.published import PUBLISHED

# One of each of the paper's families; all checkpoints of a family cut images alike.
DEFAULT_BASES = {
    "Qwen2.5-VL": "Qwen/Qwen2.5-VL-3B-Instruct",
    "InternVL3": "OpenGVLab/InternVL3-2B-hf",
    "LLaVA-NeXT": "llava-hf/llava-v1.6-mistral-7b-hf",
}


class Rule(Protocol):
    """How an image processor scales images."""

    def share(self, canvas: Canvas) -> float:
        """Return by how much an image is scaled, on the side on which it is scaled less or shrunk more."""


@dataclass(frozen=True)
class Patches:
    """The whole image in patches, as many as suit it between two limits (Qwen)."""

    side_px: int
    min_pixels: int
    max_pixels: int

    def share(self, canvas: Canvas) -> float:
        """Return by how much an image is scaled."""
        from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

        height, width = smart_resize(canvas.height, canvas.width, self.side_px, self.min_pixels, self.max_pixels)
        return _smaller(canvas, width, height)


@dataclass(frozen=True)
class Tiles:
    """A grid of square tiles, of the ratio that is nearest to the image's, which is stretched to fill it (InternVL)."""

    side_px: int
    min_tiles: int
    max_tiles: int

    def share(self, canvas: Canvas) -> float:
        """Return by how much an image is scaled."""
        from transformers.models.got_ocr2.image_processing_got_ocr2 import get_optimal_tiled_canvas

        columns, rows = get_optimal_tiled_canvas(
            (canvas.height, canvas.width), (self.side_px, self.side_px), self.min_tiles, self.max_tiles
        )
        return _smaller(canvas, columns * self.side_px, rows * self.side_px)


@dataclass(frozen=True)
class Grids:
    """The one of several sizes that wastes least, with bars where the ratio is another one (LLaVA-NeXT, -OneVision)."""

    sizes: tuple[tuple[int, int], ...]  # heights and widths

    def share(self, canvas: Canvas) -> float:
        """Return by how much an image is scaled."""
        from transformers.image_processing_utils import select_best_resolution

        height, width = select_best_resolution((canvas.height, canvas.width), list(self.sizes))
        return _smaller(canvas, width, height)


@dataclass(frozen=True)
class Sight:
    """The smallest size in which one of several models sees an image; none sees more than there is."""

    name: str
    rules: tuple[Rule, ...]

    def __call__(self, canvas: Canvas) -> Canvas:
        """Return the size, of the image's own ratio.

        Where an image is stretched, the side that is scaled less says how large a letter is.
        """
        return _seen(self.rules, canvas)


@lru_cache(maxsize=4096)
def _seen(rules: tuple[Rule, ...], canvas: Canvas) -> Canvas:
    try:
        return scaled(canvas, min(1.0, *(rule.share(canvas) for rule in rules)))
    except ValueError:  # Qwen's processor refuses an image 200 times as long as it is high
        return Canvas(1, 1)


def _smaller(canvas: Canvas, width: int, height: int) -> float:
    return min(width / canvas.width, height / canvas.height)


def default_sight() -> Sight:
    """Return the smallest sight over the paper's families."""
    rules = tuple(rule_of(PUBLISHED[base].image_processor, base) for base in DEFAULT_BASES.values())
    return Sight(", ".join(DEFAULT_BASES), rules)


def sight(model: str) -> Sight:
    """Return the sight of a model, by whatever names it: by published dimensions where they are known.

    Raises:
        InputError: the name means nothing, or its processor scales images by a rule that is not known.
    """
    base = resolve(model, to_train=False).recipe.base
    if base in PUBLISHED and not Path(base).is_dir():
        return Sight(base, (rule_of(PUBLISHED[base].image_processor, base),))
    return Sight(Path(base).name, (rule_of(load_processor(base).image_processor.to_dict(), base),))


def rule_of(fields: Mapping[str, Any], name: str) -> Rule:
    """Return the rule of an image processor, by its fields; `name` is the model's.

    Raises:
        InputError: they are those of no rule that is known.
    """
    size: Mapping[str, Any] = fields.get("size") or {}
    if grids := fields.get("image_grid_pinpoints"):
        return Grids(tuple((height, width) for height, width in grids))
    if fields.get("max_patches"):
        return Tiles(size["height"], fields["min_patches"], fields["max_patches"])
    if fields.get("merge_size"):
        edges = (("min_pixels", "shortest_edge"), ("max_pixels", "longest_edge"))
        least, most = (fields.get(own) or size[edge] for own, edge in edges)
        return Patches(fields["patch_size"] * fields["merge_size"], least, most)
    raise InputError(f"{name}: it is not known how its processor scales images; leave out --model")
