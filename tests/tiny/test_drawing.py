"""Grounds and things: the same from the same seed, told apart, and every primitive's color certain."""

from itertools import pairwise
from random import Random

import numpy as np
import pytest

from pgt_lora.core.streams import stream
from pgt_lora.data.scene import Box, Canvas, Circle
from pgt_lora.data.scene.palette import COLORS, delta_e
from pgt_lora.tiny.drawing import paint, shades
from pgt_lora.tiny.grounds import KINDS, choose_ground, draw_ground
from pgt_lora.tiny.lessons import draw_scene
from pgt_lora.tiny.objects import everything
from pgt_lora.tiny.picture import Ground, Picture, Thing
from pgt_lora.tiny.things import NAMES, draw_thing

CANVAS = Canvas(112, 112)


def nearest(color: np.ndarray) -> str:
    return min(COLORS, key=lambda name: delta_e(tuple(map(int, color)), COLORS[name]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_ground_depends_on_its_seed_alone(kind: str) -> None:
    first = draw_ground(Ground(kind, 7), CANVAS)
    draw_ground.cache_clear()
    assert np.array_equal(first, draw_ground(Ground(kind, 7), CANVAS))
    assert first.shape == (112, 112, 3)
    if kind != "gray":
        assert not np.array_equal(first, draw_ground(Ground(kind, 8), CANVAS))
    draw_ground(Ground(kind, 9), Canvas(60, 40))


def test_grounds_hide_no_object() -> None:
    objects = [Circle("red", 30, 30, 10, 0.85), Box("blue", 60, 60, 99, 99)]
    for seed in range(150):
        ground, hidden = choose_ground(Random(seed), CANVAS, objects)
        drawn = draw_ground(ground, CANVAS)
        for place, color in (((30, 30), "red"), ((60, 80), "blue")):
            around = drawn[place[1] - 3 : place[1] + 4 : 3, place[0] - 3 : place[0] + 4 : 3].reshape(-1, 3)
            alike = sum(delta_e(tuple(map(int, each)), COLORS[color]) < 25 for each in around)
            assert alike <= 3
        if ground.kind == "plain":
            far = {name: delta_e(tuple(map(int, drawn.mean((0, 1)))), color) for name, color in COLORS.items()}
            assert all(name in hidden for name, distance in far.items() if distance < 20)


def test_every_color_is_certain_in_the_pixels() -> None:
    right = total = 0
    for index in range(120):
        picture = draw_scene(stream(5, "certain", index))
        pixels = paint(picture).astype(int)
        for circle in picture.circles:
            edge = round(0.75 * circle.radius)  # beside the letter
            colors = [pixels[circle.y, circle.x + side] for side in (-edge, edge - 1)]
            right += sum(nearest(each) == circle.color for each in colors)
            total += 2
        for box in picture.boxes:
            colors = [pixels[box.top + 1, (box.left + box.right) // 2], pixels[(box.top + box.bottom) // 2, box.left]]
            right += sum(nearest(each) == box.color for each in colors)
            total += 2
    assert total > 300
    assert right >= 0.99 * total


def test_opacity_and_strokes_vary_and_nothing_touches() -> None:
    pictures = [draw_scene(stream(6, "scene", index)) for index in range(300)]
    assert {picture.stroke for picture in pictures} == {2, 3, 4}
    for picture in pictures:
        assert everything(picture)
        for circle in picture.circles:
            assert 0.6 <= circle.opacity <= 1
            assert circle.opacity >= 0.85 or picture.ground.kind == "gray"
        places = sorted(each.center for each in everything(picture))
        assert all(first != second for first, second in pairwise(places))
    assert {picture.seed == 0 for picture in pictures} == {True, False}


def test_shades_keep_their_names() -> None:
    for name in COLORS:
        assert len(set(shades(name))) > 10
        assert all(nearest(np.array(shade)) == name for shade in shades(name))


def silhouettes(name: str, number: int) -> np.ndarray:
    return np.stack([np.asarray(draw_thing(name, (225, 20, 20), 28, 28, seed), float) for seed in range(number)])


def test_things_are_told_apart() -> None:
    assert len(NAMES) >= 16
    drawn = {name: silhouettes(name, 40) for name in NAMES}
    known = [(name, each.ravel()) for name, images in drawn.items() for each in images[:30]]
    looks = np.stack([look for _, look in known])
    right = total = 0
    for name, images in drawn.items():
        for image in images[30:]:
            closest = int(((looks - image.ravel()) ** 2).sum(1).argmin())
            right += known[closest][0] == name
            total += 1
    assert right > 0.95 * total


@pytest.mark.parametrize("name", NAMES)
def test_a_thing_is_mostly_of_its_color(name: str) -> None:
    for seed, color in enumerate(COLORS):
        picture = Picture(CANVAS, things=(Thing(name, Box(color, 40, 40, 69, 69), seed),))
        assert np.array_equal(paint(picture), paint(picture))
        inside = paint(picture)[40:70, 40:70].reshape(-1, 3)
        drawn = [each for each in inside if tuple(each) != (128, 128, 128)]
        assert len(drawn) > 120
        assert sum(nearest(each) == color for each in drawn) > 0.5 * len(drawn)
