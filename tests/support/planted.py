"""Models with a known fault, as functions from a row to what the model would write: what the diagnosis is to name."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

Row = Mapping[str, Any]
Model = Callable[[Row], str]


def knows(row: Row) -> str:
    """Answer rightly."""
    return str(row["answer"])


def first_option(row: Row) -> str:
    """Answer always the first option; a fixed point where there are none."""
    return row["choices"][0] if row["choices"] else "(0.50, 0.50)"


def question_alone(row: Row) -> str:
    """Answer by the words of the question."""
    return guess(row, question(row))


def color_alone(row: Row) -> str:
    """Read the colors, and the letters that they go with, but neither places nor numbers."""
    circles = json.loads(row["scene"])["circles"]
    if row["task"] == "analogy":
        color_of = {circle["label"]: circle["color"] for circle in circles}
        target = re.findall(r"with a ([A-D]) in it", question(row))[0]
        return next(label for label, color in color_of.items() if color == color_of[target] and label != target)
    return guess(row, question(row) + ",".join(sorted({circle["color"] for circle in circles})))


def dice(row: Row) -> str:
    """Guess anew for every row."""
    return guess(row, row["id"])


def one_template(row: Row) -> str:
    """Answer rightly in template A, and guess in the others."""
    return knows(row) if row["template"] == "A" else dice(row)


def mostly_mute(row: Row) -> str:
    """See it all, and answer in the form asked on one of five images."""
    return knows(row) if number(row["group"]) % 5 == 0 else "What a lovely picture!"


def mute(row: Row) -> str:
    """Never answer in the form asked."""
    return "What a lovely picture!"


def yes_man(row: Row) -> str:
    """Answer rightly, but call two of three false statements true, too."""
    return "True" if row["answer"] == "False" and number(row["id"]) % 3 else knows(row)


def guess(row: Row, text: str) -> str:
    if row["choices"]:
        return str(row["choices"][number(text) % len(row["choices"])])
    return f"({number(text) % 100 / 100:.2f}, {number(text) // 100 % 100 / 100:.2f})"


def question(row: Row) -> str:
    return str(row["prompt"][0]["content"])


def number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
