"""A page of all tasks for the documentation: small pictures, each with its question and answer."""

import io
from pathlib import Path

from PIL import Image

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import write_text
from pgt_lora.core.html import markdown
from pgt_lora.data.contact_sheet import SIDE_PX, contact_sheet
from pgt_lora.data.generate import make_sample
from pgt_lora.data.sample import Sample
from pgt_lora.data.scene import Canvas
from pgt_lora.data.style import Style
from pgt_lora.data.tasks.task import TaskSettings
from pgt_lora.data.weights import tasks

NUM_EACH = 3  # of every task and style
SEED = 0
# The samples of the one picture that the README shows.
SIX = (("relation", 0), ("counting", 0), ("counting", 2), ("distance", 0), ("analogy", 0), ("coordinates", 1))


def write_gallery(page: Path) -> None:
    """Write a Markdown page, and its pictures into a folder of the page's name beside it.

    Raises:
        InputError: the page's name is not one of a Markdown file.
    """
    if page.suffix != ".md" or page.is_dir():
        raise InputError(f"{page}: not a Markdown file; name one that ends in .md")
    folder = page.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    _write_six(folder / "six.png")
    lines = ["# Gallery", "", "Every task, as `pgt-lora gallery` draws it; the plain style is the paper's.", ""]
    lines += [f"![Six samples with their questions and answers]({folder.name}/six.png)", ""]
    for name, task in tasks().items():
        lines += [f"## {name}", ""]
        for style in (Style.PLAIN,) if task.companion else Style:
            cells = [_cell(folder, name, style, index) for index in range(NUM_EACH)]
            head = [style.value] if not task.companion else [""]
            lines += [_line([*head, *[""] * (NUM_EACH - 1)]), _line(["---"] * NUM_EACH)]
            lines += [_line([picture for picture, _ in cells]), _line([text for _, text in cells]), ""]
    write_text(page, "\n".join(lines))


def _cell(folder: Path, name: str, style: Style, index: int) -> tuple[str, str]:
    """Write one picture; return what shows it, and its question with the answer."""
    sample = _sample(name, style, index)
    path = folder / f"{name}-{style.value}-{index}.png"
    with Image.open(io.BytesIO(sample.images[0])) as image:
        image.save(path, optimize=True)
    shown = f"![{name}, {style.value}: the answer is {markdown(sample.answer)}]({folder.name}/{path.name})"
    return shown, f"{markdown(sample.question)} **{markdown(sample.answer)}**"


def _sample(name: str, style: Style, index: int) -> Sample:
    settings = TaskSettings(Canvas(SIDE_PX, SIDE_PX), style=style)
    return make_sample(index, seed=SEED, split="train", weights={name: 1.0}, settings=settings)[0]


def _write_six(path: Path) -> None:
    cells = []
    for name, index in SIX:
        sample = _sample(name, Style.PLAIN, index)
        with Image.open(io.BytesIO(sample.images[0])) as image:
            cells.append((image.convert("RGB"), str(sample.question), str(sample.answer)))
    contact_sheet(cells).quantize(128).save(path, optimize=True)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
