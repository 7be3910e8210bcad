"""What an overlay's plan takes: memory, CPU time and bytes, by the number of rows, each in a process of its own.

Run as `python -m tests.support.overlay_scale 1000 10000 100000`; rows share a few photographs, by their paths.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

PROPORTION = 0.05
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


def measure(source: Path, render: bool) -> dict[str, float]:
    """Overlay a source here, and return what that took."""
    from pgt_lora.data.overlay.build import overlay_data
    from pgt_lora.data.overlay.plan import OverlaySettings

    begun = time.process_time()
    out = source.with_name("out")
    manifest = overlay_data(str(source), out, OverlaySettings(PROPORTION), render=render)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return {
        "rows": manifest["num_samples"],
        "drawn": sum(number for name, number in manifest["overlay"].items() if "left" not in name),
        "cpu_s": time.process_time() - begun,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "bytes": size,
    }


def main() -> None:
    if sys.argv[1] == "one":
        print(json.dumps(measure(Path(sys.argv[2]), len(sys.argv) > 3)))
        return
    render = ["render"] if "render" in sys.argv else []
    for num_rows in (int(word) for word in sys.argv[1:] if word.isdigit()):
        with tempfile.TemporaryDirectory() as folder:
            source = write_source(Path(folder), num_rows)
            words = [sys.executable, "-m", "tests.support.overlay_scale", "one", str(source), *render]
            said = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout
        print(num_rows, said.splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()
