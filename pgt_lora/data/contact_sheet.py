"""Six samples in one picture, each with its question and answer below it."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

SIDE_PX = 224  # of a sample
GAP_PX = 20
TEXT_PX = 104  # height of a question with its answer
FONT_PX = 14
NUM_COLUMNS = 3
PAPER, INK, ANSWER = "white", "#1a1a1a", "#0b57d0"


def contact_sheet(cells: Sequence[tuple[Image.Image, str, str]]) -> Image.Image:
    """Return one picture of samples in rows of three.

    Args:
        cells: square images of `SIDE_PX`, each with its question and its answer.
    """
    rows = -(-len(cells) // NUM_COLUMNS)
    width = NUM_COLUMNS * (SIDE_PX + GAP_PX) + GAP_PX
    sheet = Image.new("RGB", (width, rows * (SIDE_PX + TEXT_PX + GAP_PX) + GAP_PX), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT_PX)
    for index, (image, question, answer) in enumerate(cells):
        row, column = divmod(index, NUM_COLUMNS)
        left, top = GAP_PX + column * (SIDE_PX + GAP_PX), GAP_PX + row * (SIDE_PX + TEXT_PX + GAP_PX)
        sheet.paste(image, (left, top))
        lines = wrapped(question, draw, font)
        below = top + SIDE_PX + 6
        draw.multiline_text((left, below), "\n".join(lines), INK, font, spacing=2)
        last = draw.multiline_textbbox((left, below), "\n".join(lines), font, spacing=2)[3]
        draw.text((left, last + 5), answer, ANSWER, font, stroke_width=0.4)
    return sheet


def wrapped(text: str, draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """Return a text in lines that are no wider than a sample; its own line ends become spaces."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if draw.textlength(longer, font) <= SIDE_PX:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
