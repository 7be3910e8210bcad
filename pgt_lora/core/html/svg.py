"""The elements that charts are made of: SVG whose text and lines have the color of the text around them."""

from typing import Any

from markupsafe import Markup

INK, FONT = "currentColor", 11  # px
MOST = 1.3  # of its own size: as far as a page enlarges a chart, so that letters stay letters


def svg(title: str, drawn: Markup, width: float, height: float) -> Markup:
    """Return an SVG element with its title, which is also its alternative text."""
    return Markup('<svg viewBox="0 0 {} {}" role="img" style="max-width: {}px"><title>{}</title>{}</svg>').format(
        f"{width:g}", f"{height:g}", round(MOST * width), title, drawn
    )


def told(words: str, drawn: Markup) -> Markup:
    """Return what is drawn with what a pointer is told of it."""
    return Markup("<g><title>{}</title>{}</g>").format(words, drawn) if words else drawn


def line(x1: Any, y1: Any, x2: Any, y2: Any, color: str = INK, dash: str = "", opacity: float = 1) -> Markup:
    """Return a thin line."""
    dashes = {"stroke_dasharray": dash} if dash else {}
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=color, stroke_width=1.2, opacity=opacity, **dashes)


def rect(x: float, y: float, width: Any, height: float, color: str, opacity: float) -> Markup:
    """Return a rectangle."""
    return tag("rect", x=x, y=y, width=width, height=height, fill=color, opacity=opacity)


def text_at(x: float, y: float, text: str, anchor: str = "start", font: float = FONT) -> Markup:
    """Return one line of text, nothing where there is none."""
    return (
        Markup() if not text else tag("text", text, x=x, y=y, text_anchor=anchor, font_size=font, fill=INK, opacity=0.8)
    )


def tag(name: str, text: str = "", **attributes: Any) -> Markup:
    """Return an element; whatever is put into it is escaped."""
    given = ((key.replace("_", "-"), each) for key, each in attributes.items())
    inside = (Markup(' {}="{}"').format(key, f"{each:.5g}" if isinstance(each, float) else each) for key, each in given)
    return Markup("<{0}{1}>{2}</{0}>").format(name, Markup().join(inside), text)
