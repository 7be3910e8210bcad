"""What a photograph shows that could be taken for a primitive, on pictures of known content."""

from random import Random

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pgt_lora.data.generate import find_scene
from pgt_lora.data.overlay.draw import Outcome, overlay
from pgt_lora.data.overlay.look_alikes import (
    names_for_outlines,
    names_for_patches,
    shows_look_alike,
    shows_outline,
    shows_patch,
)
from pgt_lora.data.overlay.plan import Asked
from pgt_lora.data.scene import Canvas, render
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.data.weights import tasks

TOMATO = (210, 40, 30)


@pytest.mark.parametrize(
    ("shape", "is_alike"),
    [
        ("disk", True), ("dark disk", False), ("small disk", False), ("large disk", False), ("bar", False),
        ("half", False), ("nothing", False), ("square", True), ("at the edge", True),
    ],
)  # fmt: skip
def test_what_could_be_counted_is_compact_and_alone(shape: str, is_alike: bool) -> None:
    image = Image.new("RGB", (640, 480), (90, 110, 100))
    draw, tomato = ImageDraw.Draw(image), (210, 40, 30)
    if shape == "half":
        draw.rectangle((0, 0, 320, 480), fill=tomato)
    elif shape == "bar":
        draw.rectangle((300, 0, 330, 480), fill=tomato)
    elif shape == "square":
        draw.rectangle((300, 200, 345, 245), fill=tomato)
    elif shape != "nothing":
        radius = {"small disk": 5, "large disk": 150}.get(shape, 25)
        x = 25 if shape == "at the edge" else 300
        fill = (70, 20, 20) if shape == "dark disk" else tomato
        draw.ellipse((x - radius, 220 - radius, x + radius, 220 + radius), fill=fill)
    assert shows_patch(names_for_patches(image), "red") == is_alike
    assert not shows_patch(names_for_patches(image), "blue")


@pytest.mark.parametrize("radius", [0.035, 0.07, 0.1025, 0.12, 0.13])
@pytest.mark.parametrize("inside", ["nothing", "digit", "white center", "black center"])
def test_disks_of_every_size_of_circles_are_found_with_what_is_in_them(radius: float, inside: str) -> None:
    image = Image.new("RGB", (400, 400), (110, 115, 110))
    _disk(image, 180, 210, round(400 * radius), inside)
    assert shows_patch(names_for_patches(image), "red")
    assert not shows_patch(names_for_patches(image), "blue")


@pytest.mark.parametrize("gap", [2, 6, 12])
def test_disks_close_to_each_other_are_found(gap: int) -> None:
    image = Image.new("RGB", (400, 400), (110, 115, 110))
    for number in range(9):
        _disk(image, 100 + (40 + gap) * (number // 3), 120 + (40 + gap) * (number % 3), 20)
    assert shows_patch(names_for_patches(image), "red")


def _disk(image: Image.Image, x: int, y: int, radius: int, inside: str = "nothing") -> None:
    draw, ink = ImageDraw.Draw(image), (0, 0, 0) if inside == "black center" else (255, 255, 255)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=TOMATO)
    if inside == "digit":
        draw.text((x, y), "4", font=ImageFont.load_default(round(1.4 * radius)), anchor="mm", fill=ink)
    elif inside != "nothing":
        core = round(0.4 * radius)
        draw.ellipse((x - core, y - core, x + core, y + core), fill=ink)


@pytest.mark.parametrize(
    ("shape", "is_alike"),
    [
        ("thin outline", True), ("thick outline", True), ("corner hidden", True), ("two sides", False),
        ("line", False), ("filled", False), ("dark outline", False), ("nothing", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("scale", [1, 3])
def test_an_outline_has_thin_straight_sides_that_meet(shape: str, is_alike: bool, scale: int) -> None:
    image = Image.new("RGB", (640 * scale, 480 * scale), (90, 110, 100))
    draw = ImageDraw.Draw(image)
    box = tuple(scale * place for place in (200, 150, 290, 230))
    width = {"thin outline": 5, "dark outline": 6}.get(shape, 9) * scale
    if shape == "filled":
        draw.rectangle(box, fill=TOMATO)
    elif shape == "line":
        draw.line((box[0], box[1], box[2], box[1]), fill=TOMATO, width=width)
    elif shape == "two sides":
        draw.line((box[0], box[3], box[0], box[1], box[2], box[1]), fill=TOMATO, width=width)
    elif shape != "nothing":
        draw.rectangle(box, outline=(70, 20, 20) if shape == "dark outline" else TOMATO, width=width)
        if shape == "corner hidden":
            draw.rectangle(tuple(scale * place for place in (180, 140, 220, 170)), fill=(90, 110, 100))
    assert shows_outline(names_for_outlines(image), "red") == is_alike
    assert not shows_outline(names_for_outlines(image), "blue")


@pytest.mark.parametrize("name", ["analogy", "coordinates", "counting", "distance", "relation"])
def test_a_photograph_of_what_is_asked_for_is_left_alone(name: str) -> None:
    """Pictures that show PGT's own primitives are the hardest photographs: no second set is drawn beside the first."""
    task, settings, seen, found = tasks()[name], TaskSettings(Canvas(448, 448)), 0, 0
    for number in range(40):
        rng = Random(number)
        question = task.plan(rng, settings)
        if question.about.get("answer") == "0":
            continue
        scene, _ = find_scene(rng, task, question, settings)
        asked, photograph = [Asked(task, question)], render(scene)
        seen += 1
        found += shows_look_alike(photograph, asked)
        if seen == 1:
            assert overlay(rng, photograph, asked, settings) == Outcome.LOOK_ALIKE
    # A blue circle that lets 40% of a gray through is purple by name.
    assert found >= (0.9 * seen if name == "counting" else seen)


def test_questions_about_letters_mind_nothing_but_circles_with_something_in_them() -> None:
    """Circles without letters, and letters without circles, are not what such a question means."""
    task, settings = tasks()["distance"], TaskSettings(Canvas(400, 400))
    asked = [Asked(task, task.plan(Random(0), settings))]
    image = Image.new("RGB", (400, 400), (110, 115, 110))
    _disk(image, 100, 100, 30)
    ImageDraw.Draw(image).text((250, 250), "A", font=ImageFont.load_default(60), fill=TOMATO)
    assert not shows_look_alike(image, asked)
    _disk(image, 100, 300, 30, "digit")
    assert shows_look_alike(image, asked)


def test_noise_of_all_colors_shows_nothing_that_could_be_meant() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    assert not any(
        shows_patch(names_for_patches(image), color) or shows_outline(names_for_outlines(image), color)
        for color in ("red", "green", "blue")
    )
