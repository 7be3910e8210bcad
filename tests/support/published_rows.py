"""Rows of the forms that large published instruction datasets have."""

from pathlib import Path
from typing import Any

from tests.support.row_files import NUM_ROWS, images, lines, parquet, png, turn


def cambrian_rows() -> list[dict[str, Any]]:
    """Cambrian's JSON lines: LLaVA's turns, a source, ids of both kinds, and rows of text alone."""
    rows: list[dict[str, Any]] = []
    for index in range(NUM_ROWS):
        row: dict[str, Any] = {"id": index if index % 2 else f"vqa_{index}", "source": "gpt4v_77k.json"}
        said = "What is two and two?"
        if index % 5 != 4:
            row |= {"image": f"data_engine/images/{index}.png"}
            said = f"<image>\nHow many things are there in {index}?\nAnswer the question using a single word or phrase."
        rows.append(row | {"conversations": [turn("human", said), turn("gpt", str(index))]})
    return rows


def cambrian(folder: Path) -> Path:
    images(folder, [f"data_engine/images/{index}.png" for index in range(NUM_ROWS)])
    return lines(folder / "Cambrian737k.jsonl", cambrian_rows())


def cauldron_rows() -> list[dict[str, Any]]:
    """The Cauldron's: encoded images in a list, and several questions about them."""
    return [
        {
            "images": [{"bytes": png(index), "path": None}],
            "texts": [
                {"user": "Question: What is it?", "assistant": "A plain area.", "source": "AI2D"},
                {
                    "user": "Question: Where?\nChoices:\nA. left\nB. right\nAnswer with the letter.",
                    "assistant": "AB"[index % 2],
                    "source": "AI2D",
                },
            ],
        }
        for index in range(NUM_ROWS)
    ]


def cauldron(folder: Path) -> Path:
    return parquet(folder / "train-00000-of-00001.parquet", cauldron_rows())
