"""The commands for whole experiments: comparison, diagnosis, benchmarks and speed."""

from pathlib import Path
from typing import Annotated

import typer

from pgt_lora.cli.options import DEFAULT_MODEL, EvalData, Overwrite, model_and_overrides, refuse_fields
from pgt_lora.core.pairs import parse_pairs


def compare(
    context: typer.Context,
    recipe: Annotated[str, typer.Argument(help="A recipe, a checkpoint directory or a Hub id.")],
    arms: Annotated[
        str | None,
        typer.Option(
            help="base, pgt, pgt-no-UNIT, specialized-mix, pgt+mix, or NAME=DIR: your dataset or adapter. "
            "Default: base,pgt,specialized-mix"
        ),
    ] = None,
    seeds: Annotated[str, typer.Option(help="Training seeds, such as 0,1,2.")] = "0",
    eval_data: EvalData = None,
    preset: Annotated[
        str | None,
        typer.Option(help="A named set of arms and evaluation sets, such as transfer; an unknown name lists all."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data", help="The data over which a preset's arms draw: a dataset directory, or what `import` reads."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Default: runs/RECIPE-compare")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Train one arm per dataset on the same budget, score all on the same items, and test the differences."""
    from pgt_lora.core.errors import InputError
    from pgt_lora.studies.compare.preset import load_preset

    refuse_fields(context.args, {"seed": "--seeds, such as --seeds 0,1,2"})
    if preset and (arms is not None or eval_data):
        raise InputError(f"--preset {preset}: has its own arms and evaluation sets; leave out --arms and --eval-data")
    chosen = load_preset(preset) if preset else None
    if data is not None and not (chosen and chosen.is_over_data):
        raise InputError(
            f"--data {data}: is only for presets that draw over it; for an arm of your own, write --arms NAME={data}"
        )

    from pgt_lora.models.names import resolve
    from pgt_lora.studies.compare.compare import compare as compare_arms
    from pgt_lora.studies.named_data import held_out

    arms = "base,pgt,specialized-mix" if arms is None else arms
    named = resolve(recipe, context.args)
    sets = held_out(eval_data, named.recipe)
    compare_arms(named, arms, seeds, sets, out, context.args, overwrite, chosen, data)


def diagnose(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="A recipe, run, adapter or checkpoint directory, or a Hub id.")],
    eval_data: Annotated[
        str | None,
        typer.Option(
            help="A dataset directory. Default: probes (scenes in several wordings, questions on two images)."
        ),
    ] = None,
    num_samples: Annotated[int | None, typer.Option(help="Images of each task among the probes. Default: 200")] = None,
    layers: Annotated[
        str | None, typer.Option(help="Also probe the hidden states after these layers: all, every:4 or 0,8,16.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="With --layers: at which tokens. Default: question,answer,image,objects")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Default: runs/RECIPE-diagnosis")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Diagnose what a model sees, what it sees but cannot say, and what misleads it. Any recipe field can follow."""
    from pgt_lora.core.errors import InputError
    from pgt_lora.models.names import resolve
    from pgt_lora.studies.diagnose.diagnose import diagnose_model
    from pgt_lora.studies.diagnose.layers.sites import Probing, parse_sites
    from pgt_lora.studies.named_data import dataset
    from pgt_lora.training.run_directory import check_apart

    refuse_fields(context.args, {"num_samples": "--num-samples, the images of each task among the probes"})
    if at is not None and layers is None:
        raise InputError(f"--at {at}: sets where layers are probed; also give --layers")
    probing = Probing(layers, parse_sites(at)) if layers is not None else None
    named = resolve(model, context.args, to_train=False)
    data = None if eval_data is None else dataset(eval_data)
    if out is not None:
        check_apart(out, model, data)
    diagnose_model(named, data, num_samples, out, context.args, overwrite, probing)


def benchmark(
    model: Annotated[str, typer.Argument(help="A run, adapter or checkpoint directory, a recipe or a Hub id.")],
    suite: Annotated[
        str, typer.Option(help="paper (all), relational, counting, 3d, general, quick, or names: vsr,pope.")
    ] = "",
    out: Annotated[Path | None, typer.Option(help="Default: runs/MODEL-benchmarks")] = None,
    eval_data: Annotated[
        list[str] | None, typer.Option(help="Also score a held-out dataset directory; can be repeated.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Number of items of each task, for a trial.")] = None,
    backend: Annotated[str, typer.Option(help="hf or vllm.")] = "hf",
    batch_size: Annotated[int, typer.Option(min=1, help="Questions per batch.")] = 1,
    processes: Annotated[int | None, typer.Option(help="Default: one for each visible GPU.")] = None,
    annotations: Annotated[
        str | None, typer.Option(help="vsr=PATH,tallyqa=PATH,…: local files or directories, or Hub ids.")
    ] = None,
    image_root: Annotated[Path | None, typer.Option(help="Local copies of COCO's and VG's images.")] = None,
    hub_copies: Annotated[
        Path | None, typer.Option(help="Local copies of Hub repositories, as DIR/OWNER/NAME, for the other benchmarks.")
    ] = None,
    prompts: Annotated[
        str, typer.Option(help="lmms-eval, or paper: the paper's prompts, as far as known, asked by this kit.")
    ] = "lmms-eval",
    by: Annotated[
        str | None,
        typer.Option(help="With --prompts paper: always generation (for reasoning models), or always probability."),
    ] = None,
    max_new_tokens: Annotated[int | None, typer.Option(help="Longest answer. Default: each task's own.")] = None,
    vsr_split: Annotated[
        str | None, typer.Option(help="random or zeroshot: the family that the model was trained on. Paper: zeroshot.")
    ] = None,
    cache: Annotated[Path | None, typer.Option(help="Where downloads are kept. Default: ~/.cache/pgt-lora")] = None,
    reference: Annotated[Path | None, typer.Option(help="Another model's --out, to compare item by item.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Score a model on the paper's benchmarks, beside the paper's figures."""
    import torch

    from pgt_lora.core.errors import InputError, chosen
    from pgt_lora.core.workspace import run_directory, user_cache
    from pgt_lora.data.mix.images import Shelf
    from pgt_lora.evaluation.probability import By
    from pgt_lora.studies.benchmarks.benchmark import Data
    from pgt_lora.studies.benchmarks.benchmark import benchmark as run
    from pgt_lora.studies.benchmarks.catalog import Prompts
    from pgt_lora.studies.benchmarks.harness import HarnessSettings
    from pgt_lora.studies.benchmarks.subject import resolve_subject
    from pgt_lora.studies.named_data import dataset
    from pgt_lora.training.run_directory import check_apart

    words = chosen("--prompts", prompts, Prompts)
    if words == Prompts.PAPER and processes is not None:
        raise InputError("--processes: --prompts paper uses one process, on all GPUs; leave it out")
    if words != Prompts.PAPER and by is not None:
        raise InputError("--by: lmms-eval generates every answer; add --prompts paper, or leave it out")
    asked = Data(
        suite or ("" if eval_data else "paper"), [dataset(name) for name in eval_data or []],
        Shelf(cache or user_cache(), image_root), parse_pairs("--annotations", annotations), vsr_split, words,
        None if by is None else chosen("--by", by, By),
    )  # fmt: skip
    settings = HarnessSettings(
        backend, batch_size, limit, torch.cuda.device_count() if processes is None else processes, hub_copies,
        max_new_tokens,
    )  # fmt: skip
    out = out or run_directory(f"{Path(model).name}-benchmarks")
    check_apart(out, model, *asked.directories)
    run(resolve_subject(model), asked, out, settings, reference, overwrite)


def bench(
    context: typer.Context,
    recipe: Annotated[str, typer.Argument(help="A recipe, a checkpoint directory or a Hub id.")] = DEFAULT_MODEL,
    num_samples: Annotated[int, typer.Option(min=1, help="Training samples.")] = 1000,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each trainer.")] = 3,
    random_weights: Annotated[
        bool, typer.Option(help="Random weights at the model's size; nothing is downloaded.")
    ] = False,
    llama_factory: Annotated[Path | None, typer.Option(help="A Python with LLaMA-Factory, to time it as well.")] = None,
) -> None:
    """Time this kit's training against TRL alone, in turn, on the same samples."""
    from pgt_lora.models.names import resolve
    from pgt_lora.studies.speed.benchmark import bench as run_bench

    name, words = model_and_overrides(recipe, context.args)
    refuse_fields(words, {"num_samples": "--num-samples"})
    named = resolve(name, words)
    run_bench(named.recipe, num_samples, repeats, random_weights, llama_factory)
