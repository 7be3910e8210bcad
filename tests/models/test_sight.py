"""The size in which a model sees an image, against what its own image processor makes of one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pgt_lora.core.errors import InputError
from pgt_lora.data.scene import Canvas
from pgt_lora.models.published import PUBLISHED
from pgt_lora.models.sight import DEFAULT_BASES, Grids, Patches, Tiles, default_sight, rule_of, sight
from pgt_lora.tiny.processors import build_processor

CANVASES = [Canvas(*size) for size in ((640, 480), (336, 336), (1280, 320), (1600, 1200), (200, 700))]


def processed(base: str, canvas: Canvas, **options: Any) -> Any:
    processor: Any = build_processor(PUBLISHED[base])
    image = Image.fromarray(np.zeros((canvas.height, canvas.width, 3), np.uint8))
    return processor.image_processor(images=[image], return_tensors="pt", **options)


@pytest.mark.parametrize("canvas", CANVASES, ids=str)
def test_it_is_what_the_processors_make(canvas: Canvas) -> None:
    qwen, internvl, llava = (rule_of(PUBLISHED[base].image_processor, base) for base in DEFAULT_BASES.values())
    assert isinstance(qwen, Patches) and isinstance(internvl, Tiles) and isinstance(llava, Grids)
    of_qwen, of_internvl, of_llava = DEFAULT_BASES.values()
    _, rows, columns = processed(of_qwen, canvas)["image_grid_thw"][0].tolist()
    assert qwen.share(canvas) == pytest.approx(min(columns * 14 / canvas.width, rows * 14 / canvas.height))
    tiles = len(processed(of_internvl, canvas, crop_to_patches=True)["pixel_values"])  # as its whole processor asks
    num = tiles - (tiles > 1)  # one more is a view of the whole
    sides = [(across, num // across) for across in range(1, num + 1) if num % across == 0]
    shares = [min(448 * across / canvas.width, 448 * down / canvas.height) for across, down in sides]
    assert any(internvl.share(canvas) == pytest.approx(share) for share in shares)
    tiles = processed(of_llava, canvas)["pixel_values"].shape[1] - 1
    width, height = (round(llava.share(canvas) * side) for side in (canvas.width, canvas.height))
    assert max(width, height) % 336 == 0 and tiles * 336**2 >= width * height


def test_the_smallest_sight_counts_and_nothing_is_larger_than_it_is() -> None:
    of_all = default_sight()
    for canvas in CANVASES:
        seen = of_all(canvas)
        assert seen.width <= canvas.width
        for base in DEFAULT_BASES.values():
            assert seen.width <= sight(base)(canvas).width
    assert of_all(Canvas(4000, 3000)) == Canvas(672, 504)  # LLaVA-NeXT's largest square grid
    assert of_all(Canvas(4000, 10)).short_side < 80


def test_every_published_and_every_shipped_model_has_one() -> None:
    assert {type(rule_of(each.image_processor, name)) for name, each in PUBLISHED.items()} == {Patches, Tiles, Grids}
    small = {name: sight(f"tiny-{name}") for name in ("qwen2.5-vl", "internvl3", "llava-next")}
    assert [type(each.rules[0]) for each in small.values()] == [Patches, Tiles, Grids]
    assert small["llava-next"](Canvas(448, 448)) == Canvas(112, 112)
    with pytest.raises(InputError, match="not a recipe, run"):
        sight("nothing-of-that-name")
    with pytest.raises(InputError, match="leave out --model"):
        rule_of({"size": {"shortest_edge": 224}}, str(Path("clip")))
