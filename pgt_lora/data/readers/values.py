"""What one value of a row says: whether it says anything, and what it is as a text or as a list."""

import ast
import json
from math import isfinite, isnan
from typing import Any

from pgt_lora.core.errors import InputError


class Unreadable(InputError):
    """A row cannot be read; the message says why, and whoever reads the file names the row."""


def is_given(value: Any) -> bool:
    """Tell whether a value says anything: neither nothing, nor an empty text, list or image, nor not a number."""
    if isinstance(value, dict):
        return any(is_given(each) for each in value.values())
    # JSON's NaN is what pandas writes for an empty cell.
    return value not in (None, "", [], b"") and not (isinstance(value, float) and isnan(value))


def text_of(value: Any, what: str) -> str:
    """Return a text; raise `Unreadable` where it is none."""
    if not isinstance(value, str):
        raise Unreadable(f"its {what} is {shortened(value)}, which is no text")
    return value


def written(value: Any, what: str) -> str:
    """Return a text, or a number as a text; raise `Unreadable` where it is neither, or not finite."""
    if isinstance(value, str) or (isinstance(value, int | float) and isfinite(value)):
        return str(value)
    raise Unreadable(f"{what} is {shortened(value)}; one text or number is needed")


def shortened(value: Any) -> str:
    """Return a value as a message shows it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def written_list(text: str) -> list[Any] | None:
    """Return a list that is written as a text, in JSON's way or in Python's; None where it is none."""
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        return value if isinstance(value, list) else None
    return None
