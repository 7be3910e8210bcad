"""The tokens of an image's parts: a spot changes most the tokens that are said to lie under it."""

from typing import Any

import pytest
import torch
from PIL import Image, ImageDraw

from pgt_lora.models.feature_cache import compute
from pgt_lora.models.image_grid import Area, Grid, image_grid, tower_states
from tests.support.discovered import Subject


def seen(subject: Subject, picture: Image.Image) -> tuple[Grid, torch.Tensor, torch.Tensor]:
    """The grid of an image, what the tower made of its whole view, and what the language model gets of it."""
    base, encoder = subject.model, subject.encoder
    batch = encoder.prompts([{"id": "spot", "images": [picture], "prompt": [{"role": "user", "content": "Where?"}]}])
    given: list[torch.Tensor] = []
    hook = base.get_submodule(encoder.family.projector).register_forward_pre_hook(lambda _, args: given.append(args[0]))
    features, _ = compute(base, batch)
    hook.remove()
    grid = image_grid(encoder.family, base, batch, len(features), given[0])
    _, whole = tower_states(encoder.family, base, batch, 1, given[0])
    return grid, whole[0], features[grid.start : grid.start + grid.rows * grid.columns]


def spotted(size: tuple[int, int], area: Area) -> Image.Image:
    picture = Image.new("RGB", size, (128, 128, 128))
    sides = [round(each * size[place % 2]) for place, each in enumerate(area)]
    ImageDraw.Draw(picture).rectangle((sides[0], sides[1], sides[2] - 1, sides[3] - 1), fill=(255, 40, 40))
    return picture


@pytest.mark.parametrize("size", [(112, 112), (224, 112), (160, 240)], ids=str)
def test_a_spot_changes_the_tokens_under_it_most(subject: Subject, size: tuple[int, int]) -> None:
    _, tower, features = seen(subject, Image.new("RGB", size, (128, 128, 128)))
    for x, y in ((0.1, 0.3), (0.7, 0.1), (0.55, 0.8)):
        area = (x, y, x + 0.14, y + 0.14)
        grid, spotted_tower, spotted_features = seen(subject, spotted(size, area))
        assert len(tower) == len(features) == grid.rows * grid.columns
        for before, after in ((tower, spotted_tower), (features, spotted_features)):
            assert int((after - before).norm(dim=1).argmax()) in grid.under(area)


@pytest.mark.parametrize(
    ("area", "tokens"),
    [
        ((0.0, 0.0, 0.25, 0.25), [0]),
        ((0.25, 0.0, 0.5, 0.5), [1, 5]),
        ((0.2, 0.2, 0.3, 0.3), [0, 1, 4, 5]),
        ((0.9, 0.9, 1.0, 1.0), [15]),
        ((0.0, 0.75, 1.0, 1.0), [12, 13, 14, 15]),
        ((-0.4, -0.1, 0.1, 0.1), [0]),
    ],
)
def test_an_area_covers_the_tokens_it_reaches_into(area: Any, tokens: list[int]) -> None:
    assert Grid(4, 4).under(area) == tokens
