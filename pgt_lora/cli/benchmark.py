"""The command that benchmarks a model."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from pgt_lora.cli.data import parse_pairs


def benchmark(
    model: Annotated[str, typer.Argument(help="A run, adapter or checkpoint directory, a recipe or a Hub id.")],
    suite: Annotated[
        str, typer.Option(help="paper, relational, counting, 3d, general, quick, or benchmarks such as vsr,pope.")
    ] = "",
    out: Annotated[Optional[Path], typer.Option(help="Default: runs/MODEL-benchmarks")] = None,  # noqa: UP045
    data: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Option(help="A held-out dataset directory, too; can be repeated."),
    ] = None,
    limit: Annotated[Optional[int], typer.Option(help="That many items of each task, for a trial.")] = None,  # noqa: UP045
    backend: Annotated[str, typer.Option(help="hf or vllm.")] = "hf",
    batch_size: Annotated[int, typer.Option(help="Questions answered at a time.")] = 1,
    processes: Annotated[Optional[int], typer.Option(help="Default: one for each visible GPU.")] = None,  # noqa: UP045
    annotations: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="whatsup=PATH,vsr=PATH,tallyqa=PATH: local files or directories, or Hub ids."),
    ] = None,
    image_root: Annotated[Optional[Path], typer.Option(help="Local copies of COCO's and VG's images.")] = None,  # noqa: UP045
    hub_copies: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Local copies of the other benchmarks: DIR/OWNER/NAME is taken instead of the Hub's."),
    ] = None,
    vsr_split: Annotated[str, typer.Option(help="random or zeroshot; not what the model was trained on.")] = "random",
    cache: Annotated[Optional[Path], typer.Option(help="Where downloads are kept. Default: ~/.cache/pgt-lora")] = None,  # noqa: UP045
    reference: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Another model's --out: differences are told item by item."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
) -> None:
    """Score a model on the paper's benchmarks through lmms-eval, beside the paper's figures."""
    import torch

    from pgt_lora.core.workspace import run_directory
    from pgt_lora.data.mix.build import default_cache
    from pgt_lora.data.mix.images import Shelf
    from pgt_lora.studies.benchmarks.benchmark import Data
    from pgt_lora.studies.benchmarks.benchmark import benchmark as run
    from pgt_lora.studies.benchmarks.harness import HarnessSettings
    from pgt_lora.studies.benchmarks.subject import resolve_subject

    asked = Data(
        suite or ("" if data else "paper"), data or [], Shelf(cache or default_cache(), image_root),
        parse_pairs("--annotations", annotations), vsr_split,
    )  # fmt: skip
    settings = HarnessSettings(
        backend, batch_size, limit, torch.cuda.device_count() if processes is None else processes, hub_copies
    )
    out = out or run_directory(f"{Path(model).name}-benchmarks")
    run(resolve_subject(model), asked, out, settings, reference, overwrite)
