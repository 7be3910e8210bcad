"""What is drawn at the border of an image reaches every model: no processor cuts off what a question is about."""

from collections.abc import Callable

import pytest
import torch
from PIL import Image
from transformers import LlavaImageProcessor

from pgt_lora.data.scene import Box, Canvas, Circle, Scene, render
from pgt_lora.models.encoding import Encoder
from pgt_lora.models.published import PUBLISHED
from tests.support.discovered import CASE_NAMES, CASES, FAMILIES, forms, published_processor, small_processor
from tests.support.image_files import encoded

SIZES = [(120, 400), (400, 120), (80, 80)]
LEAST_CHANGE = 0.5  # of a normalized value: about an eighth of the way from black to white
View = Callable[[Image.Image], torch.Tensor]


def at_the_border(canvas: Canvas) -> dict[str, Scene]:
    """Scenes with one primitive each, at one side of the image or in a corner, by where it lies."""
    width, height, side = canvas.width, canvas.height, canvas.short_side // 10
    x, y = width // 2, height // 2
    boxes = {
        "left": Box("red", 0, y - side, side - 1, y + side - 1),
        "top": Box("red", x - side, 0, x + side - 1, side - 1),
        "right": Box("red", width - side, y - side, width - 1, y + side - 1),
        "bottom": Box("red", x - side, height - side, x + side - 1, height - 1),
    }
    corners = {"top left": (side, side), "bottom right": (width - side, height - side)}
    circles = {name: Circle("blue", *middle, side, label="A") for name, middle in corners.items()}
    return {name: Scene(canvas, boxes=(box,)) for name, box in boxes.items()} | {
        name: Scene(canvas, circles=(circle,)) for name, circle in circles.items()
    }


def unseen(view: View, size: tuple[int, int]) -> set[str]:
    """Return where something is drawn that changes nothing of what a model is given."""
    photograph = Image.radial_gradient("L").resize(size).convert("RGB")
    plain = view(photograph)
    return {
        name
        for name, scene in at_the_border(Canvas(*size)).items()
        if (view(render(scene, photograph)) - plain).abs().max() < LEAST_CHANGE
    }


def through(encoder: Encoder) -> View:
    """Return what a model is given of an image in training."""

    def view(image: Image.Image) -> torch.Tensor:
        row = {
            "id": "border", "images": [{"bytes": encoded(image, "PNG"), "path": None}],
            "prompt": [{"role": "user", "content": "Which?"}], "completion": [{"role": "assistant", "content": "A"}],
        }  # fmt: skip
        values: torch.Tensor = encoder.training_batch([row])["pixel_values"]
        return values

    return view


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(("name", "form"), CASES, ids=CASE_NAMES)
def test_the_border_is_in_pixel_values(name: str, form: str | None, size: tuple[int, int]) -> None:
    assert unseen(through(Encoder(FAMILIES[name], small_processor(name, form))), size) == set()


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_processors_keep_the_border(name: str) -> None:
    encoder = Encoder(FAMILIES[PUBLISHED[name].family], published_processor(name))
    assert unseen(through(encoder), (400, 120)) == set()


@pytest.mark.parametrize(
    ("size", "lost"),
    [
        ((400, 120), {"left", "right", "top left", "bottom right"}),
        ((120, 400), {"top", "bottom", "top left", "bottom right"}),
    ],
)
def test_a_processor_that_crops_is_caught(size: tuple[int, int], lost: set[str]) -> None:
    cropping = LlavaImageProcessor(size={"shortest_edge": 56}, crop_size={"height": 56, "width": 56})
    assert unseen(lambda image: cropping(image, return_tensors="pt")["pixel_values"], size) == lost


def test_a_family_whose_processor_crops_is_caught() -> None:
    processor = small_processor("llava_next", forms("llava_next")[0])
    images = processor.image_processor
    assert unseen(through(Encoder(FAMILIES["llava_next"], processor)), (320, 240)) == set()
    images.do_center_crop, side = True, images.crop_size["height"]
    images.size = {"shortest_edge": 2 * side}
    assert "top left" in unseen(through(Encoder(FAMILIES["llava_next"], processor)), (320, 240))
