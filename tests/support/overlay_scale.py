"""What an overlay's plan takes: memory and CPU time, by the number of rows, each in a process of its own.

Run as `python -m tests.support.overlay_scale 0.05 1000 10000 100000`: the proportion, and the numbers. Rows share a few
photographs, by their paths, and are mapped whatever their number, as those of more than 64 MB are. Memory is what the
process itself holds (`RssAnon` of Linux), without the pages of mapped files, which the system takes back when it likes.
"""

import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

NUM_PHOTOGRAPHS = 40


def write_source(folder: Path, num_rows: int) -> Path:
    """Write a dataset directory of so many conversations about photographs of LLaVA's sizes, by reference."""
    from pgt_lora.data.directory import IMAGE_ROOT, VERSIONS, write_manifest
    from pgt_lora.data.parquet import write_parquet
    from pgt_lora.data.references import REFERENCES, reference
    from pgt_lora.data.turns import IMAGE, Form
    from tests.support.conversations import asked, said, sample
    from tests.support.photographs import draw_file

    rng, names = Random(0), [f"{index}.jpg" for index in range(NUM_PHOTOGRAPHS)]
    for name in names:
        (folder / name).write_bytes(draw_file(rng, (320, 480), "JPEG"))
    files = [reference((folder / name).read_bytes(), name, is_file=True) for name in names]

    def rows() -> Iterator[dict[str, Any]]:
        history = (asked(IMAGE, "What is shown?"), said("A place with several things in it, on a clear day. " * 3))
        for number in range(num_rows):
            one = sample(f"row-{number:07d}", "Is it large?", "no", images=(b"x",), history=history, source="own")
            row = one.to_row(Form.CONVERSATIONS)
            del row["images"]
            yield row | {REFERENCES: [files[number % NUM_PHOTOGRAPHS]]}

    source = folder / "rows"
    (source / "data").mkdir(parents=True)
    made = write_parquet(source / "data/train-00000-of-00001.parquet", rows(), Form.CONVERSATIONS, True)
    made |= {"versions": dict.fromkeys(VERSIONS, "0"), IMAGE_ROOT: str(folder)}
    write_manifest(source, {"source": "own"}, made)
    return source


def own_mb() -> float:
    """What this process holds in memory of its own."""
    found = re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) / 1024


def measure(source: Path, proportion: float) -> dict[str, float]:
    """Overlay a source here, and return what that took."""
    from pgt_lora.data import directory
    from pgt_lora.data.overlay.build import overlay_data
    from pgt_lora.data.overlay.plan import OverlaySettings

    directory.IN_MEMORY_BYTES = 0
    peak, done = [own_mb()], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            peak.append(max(peak.pop(), own_mb()))

    watching = threading.Thread(target=watch)
    watching.start()
    begun = time.process_time()
    manifest = overlay_data(str(source), source.with_name("out"), OverlaySettings(proportion))
    done.set()
    watching.join()
    return {
        "rows": manifest["num_samples"],
        "chosen": sum(manifest["overlay"].values()),
        "cpu_s": time.process_time() - begun,
        "peak_mb": peak[0],
    }


def main() -> None:
    if sys.argv[1] == "one":
        print(json.dumps(measure(Path(sys.argv[2]), float(sys.argv[3]))))
        return
    for num_rows in map(int, sys.argv[2:]):
        with tempfile.TemporaryDirectory() as folder:
            source = write_source(Path(folder), num_rows)
            words = [sys.executable, "-m", "tests.support.overlay_scale", "one", str(source), sys.argv[1]]
            said = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout
        print(num_rows, said.splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()
