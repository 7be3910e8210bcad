"""Make a large overlay: datatrove's executors make its shards, and a final task combines them.

On one machine, from the login node of a Slurm cluster, or on a running Ray cluster:

    python recipes/scale/overlay.py local mix.json data/mix-overlay --workers 16
    python recipes/scale/overlay.py slurm mix.json data/mix-overlay --workers 200 --partition cpu
    python recipes/scale/overlay.py ray mix.json data/mix-overlay --workers 200

It needs `pip install 'pgt-lora[scale]'`, and `ray` for Ray. Every machine must see the rows, the photographs and OUT
under the same paths. The same command makes the missing shards, however the others were made. The directory has the
same hash as that of `pgt-lora overlay`.
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from datatrove.executor import LocalPipelineExecutor, RayPipelineExecutor, SlurmPipelineExecutor

from pgt_lora.data.overlay.build import begin
from pgt_lora.data.overlay.pipeline import Finish, MakeShards
from pgt_lora.data.overlay.plan import OverlaySettings
from pgt_lora.models.sight import default_sight, sight

parser = argparse.ArgumentParser(description="Draw PGT over the photographs of a dataset, on many machines.")
parser.add_argument("executor", choices=["local", "slurm", "ray"])
parser.add_argument("source", help="what `pgt-lora overlay` takes")
parser.add_argument("out", type=Path)
parser.add_argument("--proportion", type=float, default=0.05)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--limit", type=int, help="so many of the rows")
parser.add_argument("--model", help="whose sight decides what is large enough")
parser.add_argument("--render", action="store_true", help="write pixels")
parser.add_argument("--shards", type=int, help="default: one for 1,000 rows, 1,024 at most")
parser.add_argument("--workers", type=int, default=1, help="tasks at once")
parser.add_argument("--partition", default="cpu", help="Slurm's")
parser.add_argument("--hours", type=int, default=4, help="Slurm's limit for a task")


def main() -> None:
    """Make the shards, then combine them."""
    given = parser.parse_args()
    settings = OverlaySettings(proportion=given.proportion, seed=given.seed, limit=given.limit)
    seen = sight(given.model) if given.model else default_sight()
    job = begin(given.source, given.out, settings, render=given.render, seen=seen, num_shards=given.shards)
    logs = given.out.absolute().with_name(f"{given.out.name}.logs-{job.digest[:8]}")
    kinds: dict[str, Any] = {
        "local": LocalPipelineExecutor,
        "ray": RayPipelineExecutor,
        "slurm": partial(
            SlurmPipelineExecutor,
            time=f"{given.hours}:00:00",
            partition=given.partition,
            job_name="pgt-overlay",
            slurm_logs_folder=str(logs / "slurm"),
            mem_per_cpu_gb=4,
        ),
    }
    # A complete shard is its own marker: a task checks for the shard itself, never for a record of it.
    executor = partial(kinds[given.executor], skip_completed=False)
    shards = executor(
        pipeline=[MakeShards(job)], tasks=job.num_shards, workers=given.workers, logging_dir=str(logs / "shards")
    )
    finish = [Finish(job, given.out.absolute())]
    executor(pipeline=finish, tasks=1, workers=1, logging_dir=str(logs / "finish"), depends=shards).run()


if __name__ == "__main__":
    main()
