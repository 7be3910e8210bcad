"""The paper's own scores of the models that it fine-tunes (table 2), to stand beside ours and never among them."""

from collections.abc import Mapping
from dataclasses import dataclass

BENCHMARKS = (
    "What'sUp", "VSR", "CV-2D", "CV-3D", "TallyQA", "RWQA", "BLINK",
    "MMVP", "SEED", "MMStar", "GQA", "AI2D", "POPE",
)  # fmt: skip

# The headings over the benchmarks, each with how many it spans.
GROUPS = (("Relational reasoning", 3), ("Vision-centric / 3D", 4), ("General perception", 6))


@dataclass(frozen=True)
class Published:
    """One model's accuracies in percent, by arm, in the order of `BENCHMARKS`."""

    model: str
    scores: Mapping[str, tuple[float, ...]]


def _model(name: str, base: str, pgt: str, mix: str | None = None) -> Published:
    rows = {"base": base, "pgt": pgt} | ({"specialized-mix": mix} if mix else {})
    return Published(name, {arm: tuple(map(float, row.split())) for arm, row in rows.items()})


# By the Hub ids of the checkpoints that the recipes name.
TABLE_2: Mapping[str, Published] = {
    "llava-hf/llava-v1.6-vicuna-7b-hf": _model(
        "LLaVA-NeXT-7B",
        "85.2 64.7 59.5 51.6 45.2 58.4 55.4 32.7 63.4 34.8 66.7 64.5 87.8",
        "90.7 70.9 67.8 59.9 60.1 60.1 58.8 38.7 64.3 37.1 66.5 64.5 86.1",
    ),
    "llava-hf/llama3-llava-next-8b-hf": _model(
        "LLaVA-NeXT-Llama3-8B",
        "93.8 71.8 62.9 68.3 59.2 59.5 63.1 38.7 68.1 41.5 69.3 71.5 87.6",
        "93.8 71.8 65.7 77.3 63.9 59.5 64.2 42.0 67.2 45.3 68.1 71.3 86.6",
    ),
    "OpenGVLab/InternVL3-8B-hf": _model(
        "InternVL3-8B",
        "97.2 85.2 81.4 85.7 77.2 65.2 74.6 60.7 76.4 68.1 66.8 83.8 91.0",
        "97.9 85.3 82.5 86.0 77.4 68.5 74.5 62.7 77.0 68.5 68.3 84.0 90.8",
    ),
    "Qwen/Qwen2.5-VL-3B-Instruct": _model(
        "Qwen2.5-VL-3B",
        "93.8 80.4 70.9 71.5 66.4 59.0 67.6 37.3 73.7 55.3 64.9 79.2 87.5",
        "96.1 84.0 74.4 79.3 67.5 62.9 68.4 45.3 74.2 56.5 65.4 78.1 87.5",
        "93.7 82.8 70.8 79.9 63.4 62.7 71.5 42.0 74.4 56.9 65.2 79.6 87.6",
    ),
    "Qwen/Qwen2.5-VL-7B-Instruct": _model(
        "Qwen2.5-VL-7B",
        "96.8 83.8 77.7 83.5 72.4 67.5 72.8 53.3 76.4 62.2 65.8 82.7 87.4",
        "98.0 85.7 78.2 84.6 73.5 69.3 74.8 54.0 76.4 63.5 67.1 83.2 88.2",
        "96.4 85.5 78.7 82.5 72.4 68.9 74.7 52.0 76.6 62.5 66.2 82.7 86.8",
    ),
}
