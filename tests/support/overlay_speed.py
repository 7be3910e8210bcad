"""What overlays cost: python -m tests.support.overlay_speed 400 prints what docs/overlay.md says of speed and size.

Everything is CPU time, that of child processes with it, which other work on the machine changes less than it does time.
"""

import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from pgt_lora.data.directory import open_dataset
from pgt_lora.data.images import decode
from pgt_lora.data.overlay.build import overlay_data
from pgt_lora.data.overlay.plan import OverlaySettings
from pgt_lora.data.parquet import parquet_files
from pgt_lora.models.checkpoint import family_of, load_processor
from pgt_lora.models.encoding import Encoder
from tests.support.photographs import draw_file

SHORT_PX = (360, 640)


def cost(act: Callable[[], Any]) -> tuple[float, float]:
    """Return the CPU seconds and the seconds that something takes."""
    begun, before = time.perf_counter(), cpu_seconds()
    act()
    return cpu_seconds() - before, time.perf_counter() - begun


def cpu_seconds() -> float:
    uses = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


def read(directory: Path) -> int:
    """Read and decode every image, as an encoder does."""
    return sum(decode(image, "a row").width for row in open_dataset(directory) for image in row["images"])


def encode(directory: Path, encoder: Encoder) -> None:
    """Read every image and encode its row, as training does."""
    rows = open_dataset(directory)
    for start in range(0, len(rows), 16):
        encoder.training_batch([rows[index] for index in range(start, min(start + 16, len(rows)))])


def main(num: int) -> None:
    base = Path(tempfile.mkdtemp())
    folder, rng = base / "photographs", Random(1)
    folder.mkdir()
    for number in range(num):
        (folder / f"{number:06d}.jpg").write_bytes(draw_file(rng, SHORT_PX, "JPEG"))
    size = sum(path.stat().st_size for path in folder.iterdir()) / num
    print(f"{num} photographs, {size:,.0f} bytes each")
    overlay_data(str(folder), base / "warm", OverlaySettings(proportion=1.0))  # what is computed or imported once
    for render in (False, True):
        for num_proc in (1, 2):
            out = base / f"{'pixels' if render else 'plan'}-{num_proc}"
            settings = OverlaySettings(proportion=1.0)
            spent, took = cost(
                lambda: overlay_data(str(folder), out, settings, render=render, num_shards=8, num_proc=num_proc)  # noqa: B023
            )
            rows = len(open_dataset(out))
            each = sum(path.stat().st_size for path in parquet_files(out)) / rows
            speed = f"{num / took:.1f} rows/s, {1000 * spent / num:.1f} ms of CPU a row"
            print(f"{out.name}: {speed}, {each:,.0f} bytes a row")
    for name in ("plan-1", "pixels-1"):
        rows = len(open_dataset(base / name))
        spent, took = cost(lambda: read(base / name))  # noqa: B023
        print(f"reading {name}: {1000 * spent / rows:.1f} ms of CPU an image, {rows / took:.1f} images/s")
    model = "data/tiny-internvl3"
    encoder = Encoder(family_of(model), load_processor(model))
    for name in 2 * ("plan-1", "pixels-1"):  # the second time counts
        spent, _ = cost(lambda: encode(base / name, encoder))  # noqa: B023
        print(f"encoding {name}: {rows / spent:.1f} images/s of CPU")
    plain = [{"bytes": path.read_bytes(), "path": None} for path in folder.iterdir()]
    spent, _ = cost(lambda: [decode(each, "a file") for each in plain])
    print(f"decoding the photographs: {1000 * spent / num:.1f} ms of CPU an image")
    shutil.rmtree(base)


if __name__ == "__main__":
    main(int(sys.argv[1]))
