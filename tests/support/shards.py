"""A dataset of photographs with questions, small enough to be overlaid in many shards."""

from pathlib import Path
from random import Random

from pgt_lora.data.overlay.plan import OverlaySettings
from pgt_lora.data.turns import IMAGE
from tests.support.conversations import sample, write_conversations
from tests.support.photographs import draw_file

SETTINGS = OverlaySettings(proportion=0.5, seed=7)


def photographed(folder: Path, num_rows: int) -> Path:
    """Write a dataset directory of so many questions about four photographs."""
    rng = Random(5)
    files = [draw_file(rng, (100, 130), "JPEG") for _ in range(4)]
    rows = [
        sample(f"row-{number:03d}", (IMAGE, "Is it large?"), "no", images=(files[number % 4],), source="own")
        for number in range(num_rows)
    ]
    return write_conversations(folder / "rows", rows)
