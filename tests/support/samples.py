"""Rows of every answer format, with images of several sizes."""

from typing import Any

from PIL import Image

# The answers that the datasets hold, by their format.
ANSWERS = {"word": "above", "letter": "B", "number": "12", "true_false": "True", "point": "(0.32, 0.57)"}
SIZES = ((112, 112), (112, 230), (300, 100), (448, 448))


def row(answer_text: str = "above", size: tuple[int, int] = (112, 112), question: str = "Where is the red box?") -> Any:
    return {
        "id": f"{answer_text}-{size}",
        "images": [Image.effect_noise(size, 90).convert("RGB")],
        "prompt": [{"role": "user", "content": question}],
        "completion": [{"role": "assistant", "content": answer_text}],
    }


def rows() -> list[Any]:
    """Rows of every answer format, with images of several sizes and questions of several lengths."""
    return [
        row(text, SIZES[i % len(SIZES)], f"Where is the red box? {'Think twice. ' * i}".strip())
        for i, text in enumerate(ANSWERS.values())
    ]


def unpadded(batch: Any, name: str = "input_ids") -> list[list[int]]:
    return [ids[kept.bool()].tolist() for ids, kept in zip(batch[name], batch["attention_mask"], strict=True)]
