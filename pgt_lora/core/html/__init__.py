"""HTML pages that need nothing but themselves, from Jinja2 templates."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import write_text


def render_page(template: str, **context: Any) -> str:
    """Render a template of this folder; whatever is put into it is escaped."""
    return _environment().get_template(template).render(**context)


def write_page(out: Path, html: str) -> None:
    """Write a page so that the file is either the old one or the new one, never half of it.

    Raises:
        InputError: `out` is a directory.
    """
    if out.is_dir():
        raise InputError(f"{out}: is a directory; name a file, such as {out / 'index.html'}")
    out.parent.mkdir(parents=True, exist_ok=True)
    write_text(out, html)


def percent(share: float) -> str:
    """Return a share in percent with one decimal."""
    return f"{100 * share:.1f}"


def points(share: float) -> str:
    """Return a difference of shares in percentage points, with its sign."""
    return f"{100 * share:+.1f}"


def p_value(p: float) -> str:
    """Return a p-value with three decimals."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def markdown(text: object) -> str:
    """Return text from outside as Markdown shows it: on one line, and nothing of it read as markup or as HTML."""
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", " ".join(str(text).split()))


def fence(text: str) -> str:
    """Return a fence for a code block that nothing in the text ends."""
    return "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))


@cache
def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from pgt_lora.core.html import charts

    # Jinja's own choice of what to escape goes by the ending .html, which these templates do not have.
    environment = Environment(
        loader=PackageLoader("pgt_lora.core", "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"markdown": markdown, "fence": fence}
    environment.filters |= {"percent": percent, "points": points, "p_value": p_value}
    environment.globals |= {"bar": charts.bar, "difference": charts.difference}
    return environment
