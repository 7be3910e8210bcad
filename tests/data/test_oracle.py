"""The generator against the pixels: an oracle that sees only image and question answers every sample alike."""

import io
import re

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from pgt_lora.data.generate import make_sample
from pgt_lora.data.sample import Sample
from pgt_lora.data.scene import Canvas
from pgt_lora.data.scene.palette import BACKGROUND
from pgt_lora.data.style import Style
from pgt_lora.data.tasks.task import TaskSettings
from tests.support import oracle
from tests.support.discovered import TASKS


def draw(task: str, number: int, canvas: Canvas, style: Style = Style.PLAIN) -> list[Sample]:
    settings = TaskSettings(canvas, style=style)
    made = (make_sample(i, seed=20, split="test", weights={task: 1.0}, settings=settings) for i in range(number))
    return [sample for sample, _ in made]


def open_image(sample: Sample) -> Image.Image:
    return Image.open(io.BytesIO(sample.images[0]))


def disagreements(samples: list[Sample]) -> list[tuple[str, str, str, str]]:
    answered = [(sample, oracle.answer(open_image(sample), sample.question)) for sample in samples]
    return [(sample.id, sample.question, sample.answer, seen) for sample, seen in answered if seen != sample.answer]


def test_tasks_are_found() -> None:
    assert len(TASKS) >= 6


def check_agreement(task: str, size: str, style: Style, number: int) -> None:
    canvas = Canvas.parse(size)
    samples = draw(task, number, canvas, style)
    sizes = {open_image(sample).size for sample in samples}
    if style == Style.PLAIN or TASKS[task].companion:
        assert sizes == {(canvas.width, canvas.height)}
    else:
        assert len(sizes) > number / 2
    assert len({(sample.images, sample.question) for sample in samples}) == len(samples)
    assert disagreements(samples) == []


@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize("size", ["112", "320x240"])
@pytest.mark.parametrize("task", TASKS)
def test_the_oracle_agrees(task: str, size: str, style: Style) -> None:
    check_agreement(task, size, style, 40)


@pytest.mark.slow
@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize("task", TASKS)
def test_the_oracle_agrees_on_a_thousand(task: str, style: Style) -> None:
    check_agreement(task, "112", style, 1000)


@pytest.mark.slow
@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize("size", ["336", "448", "640x360", "280x1120"])
@pytest.mark.parametrize("task", TASKS)
def test_the_oracle_agrees_on_every_canvas(task: str, size: str, style: Style) -> None:
    check_agreement(task, size, style, 100)


def test_a_mirrored_image_has_other_answers() -> None:
    samples = draw("relation", 100, Canvas(112, 112))
    for sample in samples:
        sideways = bool(re.search("left|right", sample.question + sample.answer))
        mirrored = oracle.answer(ImageOps.mirror(open_image(sample)), sample.question)
        assert (mirrored != sample.answer) == sideways


def test_a_circle_too_few_is_seen() -> None:
    for sample in draw("counting", 20, Canvas(112, 112)):
        if sample.template == "A":
            image = open_image(sample)
            erase(image, sample.question.split()[2])
            assert oracle.answer(image, sample.question) == str(int(sample.answer) - 1)


def erase(image: Image.Image, color: str) -> None:
    shapes = oracle.find_shapes(np.asarray(image))
    shape = next(shape for shape in shapes if shape.color == color)
    ImageDraw.Draw(image).ellipse((shape.left, shape.top, shape.right - 1, shape.bottom - 1), fill=BACKGROUND)


def test_an_object_is_found_by_color_and_form_together() -> None:
    for sample in draw("absolute_position", 40, Canvas(112, 112)):
        mirrored = oracle.answer(ImageOps.mirror(open_image(sample)), sample.question)
        assert (mirrored == sample.answer) == (sample.answer in ("top center", "center", "bottom center"))
        color, figure = re.findall(r"the (\w+) (\w+)\?", sample.question)[0]
        another = sample.question.replace(f"the {color} {figure}?", f"the {color} plus?")
        with pytest.raises(ValueError, match="not one"):
            oracle.answer(open_image(sample), another)


def test_letters_are_read_not_guessed() -> None:
    for sample in draw("analogy", 20, Canvas(112, 112)):
        with pytest.raises(ValueError, match="letter"):
            oracle.answer(ImageOps.flip(open_image(sample)).rotate(90), sample.question)


def test_an_unknown_question_is_refused() -> None:
    with pytest.raises(ValueError, match="no pattern"):
        oracle.answer(Image.new("RGB", (56, 56), BACKGROUND), "How many boxes are there?")
