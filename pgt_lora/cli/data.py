"""The commands that make and publish datasets."""

from pathlib import Path
from typing import Annotated

import typer

from pgt_lora.cli.made import tell_made
from pgt_lora.cli.options import Out, Overwrite
from pgt_lora.core.errors import InputError
from pgt_lora.core.pairs import parse_pairs, parse_shares
from pgt_lora.data.style import Style


def generate(
    out: Out,
    num_samples: Annotated[int | None, typer.Option(help="Number of samples. Default: 5000")] = None,
    seed: Annotated[int, typer.Option(help="Sample i depends only on the seed and i.")] = 0,
    split: Annotated[str, typer.Option(help="train or test; they never share a sample.")] = "train",
    tasks: Annotated[
        str | None,
        typer.Option(
            help="Equal shares of families, units or tasks, or weights: relation=1,counting=2. Default: families"
        ),
    ] = None,
    canvas: Annotated[str, typer.Option(help="Image size in pixels: a side or WIDTHxHEIGHT.")] = "448",
    style: Annotated[
        Style, typer.Option(help="plain, or varied: canvas, ground, colors and clutter vary.")
    ] = Style.PLAIN,
    max_count: Annotated[int, typer.Option(help="Largest answer of the counting task.")] = 9,
    num_distractors: Annotated[
        int | None,
        typer.Option(help="absolute_position: number of other objects. Default: 0, 1, 3 or 5; 0 with --exhaustive."),
    ] = None,
    exhaustive: Annotated[bool, typer.Option("--exhaustive", help="Every item of absolute_position, once.")] = False,
    num_proc: Annotated[int, typer.Option(help="Number of processes.")] = 1,
    overwrite: Overwrite = False,
) -> None:
    """Generate PGT samples as a dataset directory."""
    from pgt_lora.data import generate as build
    from pgt_lora.data.exhaustive import generate_exhaustive
    from pgt_lora.data.scene import Canvas
    from pgt_lora.data.tasks.task import TaskSettings
    from pgt_lora.data.weights import parse_weights

    settings = TaskSettings(Canvas.parse(canvas), max_count, style, num_distractors=num_distractors)
    if num_distractors is not None and "absolute_position" not in (tasks or ""):
        raise InputError("--num-distractors is for absolute_position: name it in --tasks")
    if exhaustive:
        if num_samples is not None or num_proc != 1:
            raise InputError("--exhaustive draws every item once: leave out --num-samples and --num-proc")
        manifest = generate_exhaustive(
            out, task=tasks or "", seed=seed, split=split, settings=settings, overwrite=overwrite
        )
    else:
        weights = parse_weights(tasks) if tasks else None
        manifest = build.generate(
            out, num_samples=5000 if num_samples is None else num_samples, seed=seed, split=split, weights=weights,
            settings=settings, num_proc=num_proc, overwrite=overwrite,
        )  # fmt: skip
    tell_made(out, manifest["num_samples"])


def mix(
    out: Out,
    num_samples: Annotated[int | None, typer.Option(help="Number of samples in total. Default: 5000")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every row of one source, instead of a number.")] = False,
    seed: Annotated[int, typer.Option(help="Decides which rows are drawn.")] = 0,
    split: Annotated[str, typer.Option(help="train or test: which split of the sources.")] = "train",
    shares: Annotated[
        str | None,
        typer.Option(
            help="tallyqa=2,vsr=1,spatialladder=1; also coco_position, pgt, and what `import` reads. Default: equal."
        ),
    ] = None,
    balanced: Annotated[bool, typer.Option("--balanced", help="coco_position: balance areas and categories.")] = False,
    annotations: Annotated[
        str | None,
        typer.Option(
            help="tallyqa=PATH,...: local files or directories, Hub ids (owner/name@revision), or URLs (up to 4 GB)."
        ),
    ] = None,
    image_root: Annotated[Path | None, typer.Option(help="Use local copies of the images; download nothing.")] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(help="Leave out images of: vsr, tallyqa (their test splits), vsr=FILE, a directory, a list."),
    ] = None,
    on_missing: Annotated[
        str, typer.Option(help="What to do with a missing or broken image: error or redraw.")
    ] = "error",
    vsr_split: Annotated[str, typer.Option(help="VSR's split family: random or zeroshot, never mixed.")] = "random",
    absolute_distance: Annotated[bool, typer.Option("--absolute-distance", help="SpatialLadder: add meters.")] = False,
    multi_view: Annotated[bool, typer.Option("--multi-view", help="SpatialLadder: add several images.")] = False,
    crowds: Annotated[
        str, typer.Option(help="coco_position: exclude categories with a crowd in the image, ignore or count crowds.")
    ] = "exclude",
    vg_to_coco: Annotated[Path | None, typer.Option(help="Visual Genome's image_data.json.")] = None,
    canvas: Annotated[str, typer.Option(help="Image size of pgt: a side or WIDTHxHEIGHT.")] = "448",
    cache: Annotated[Path | None, typer.Option(help="Where images are kept. Default: ~/.cache/pgt-lora")] = None,
    mirror: Annotated[str | None, typer.Option(help="coco=URL,vg=URL,spatialladder=URL")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Build the Specialized Mix: TallyQA, VSR and SpatialLadder, fetching only the images it needs."""
    from pgt_lora.core.errors import chosen
    from pgt_lora.data.mix.build import build_mix
    from pgt_lora.data.mix.request import MixRequest, default_shares
    from pgt_lora.data.scene import Canvas
    from pgt_lora.data.sources.groups import read_vg_to_coco
    from pgt_lora.data.sources.source import Crowds, SourceSettings
    from pgt_lora.data.tasks.task import TaskSettings

    if everything and num_samples is not None:
        raise InputError("--all takes every row: leave out --num-samples")
    if not everything and num_samples is None:
        num_samples = 5000
    mapping = read_vg_to_coco(vg_to_coco) if vg_to_coco else {}
    settings = SourceSettings(vsr_split, absolute_distance, multi_view, chosen("--crowds", crowds, Crowds), mapping)
    asked = MixRequest(
        num_samples, seed, split, parse_shares("--shares", shares) or default_shares(), balanced, exclude or (),
        on_missing, settings, TaskSettings(Canvas.parse(canvas)),
    )  # fmt: skip
    manifest = build_mix(
        out, asked, annotations=parse_pairs("--annotations", annotations), image_root=image_root, cache=cache,
        mirrors=parse_pairs("--mirror", mirror), overwrite=overwrite,
    )  # fmt: skip
    tell_made(out, manifest["num_samples"])


def split(
    data: Annotated[str, typer.Argument(help="A dataset directory, or what `import` reads.")],
    share: Annotated[float, typer.Option(help="Share of the rows to hold out, in OUT-test.")] = 0.2,
    stratify: Annotated[
        str, typer.Option(help="answer or cell: both parts keep the distribution of answers or places; or none.")
    ] = "none",
    by: Annotated[str, typer.Option(help="What the parts never share: group or cell.")] = "group",
    out: Annotated[Path | None, typer.Option(help="The training part. Default: DATA-train")] = None,
    seed: Annotated[int, typer.Option(help="Decides which groups are held out.")] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Divide a dataset directory into a training and a held-out part that share no image."""
    from pgt_lora.core.errors import chosen
    from pgt_lora.core.terminal import console
    from pgt_lora.data.directory import read_manifest
    from pgt_lora.data.readers.named import as_directory
    from pgt_lora.data.split import By, Stratify
    from pgt_lora.data.split import split as divide

    directory = as_directory(data)
    parts = divide(
        directory, out or directory.with_name(f"{directory.name}-train"), share,
        stratify=chosen("--stratify", stratify, Stratify), by=chosen("--by", by, By), seed=seed, overwrite=overwrite,
    )  # fmt: skip
    for part in parts:
        console.print(f"{read_manifest(part)['num_samples']:,} samples in {part}", soft_wrap=True)


def seal(data: Annotated[Path, typer.Argument(help="A dataset directory whose rows were edited.")]) -> None:
    """Check a dataset directory that was edited by hand, and update its manifest."""
    from pgt_lora.core.terminal import console
    from pgt_lora.data import seal as build

    manifest = build.seal(data)
    state = "sealed by hand" if manifest.get(build.SEALED) else "as it was made"
    console.print(f"{manifest['num_samples']:,} rows in {data}, {state}: {manifest['content_hash']}", soft_wrap=True)


def push_dataset(
    data: Annotated[Path, typer.Argument(help="A dataset directory.")],
    repo: Annotated[str, typer.Argument(help="The Hub id to push to: owner/name.")],
    public: Annotated[bool, typer.Option("--public", help="Make it public. Default: private.")] = False,
    annotations_only: Annotated[bool, typer.Option("--annotations-only", help="Leave the images out.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the files and print the card; push nothing.")
    ] = False,
) -> None:
    """Push a dataset directory to the Hub with a card of its sources and licenses."""
    from pgt_lora.export.push_dataset import push

    push(data, repo, public=public, annotations_only=annotations_only, dry_run=dry_run)


def preview(
    data: Annotated[str, typer.Argument(help="A dataset directory, or what `import` reads.")],
    out: Annotated[Path | None, typer.Option(help="The page to write. Default: DATA.html")] = None,
    num_images: Annotated[int, typer.Option(help="How many images to show.")] = 200,
    model: Annotated[str | None, typer.Option(help="Also show what this model would be trained on.")] = None,
) -> None:
    """Write one HTML page that shows a dataset: images, questions, answers and their distribution."""
    from functools import partial

    from pgt_lora.core.terminal import console
    from pgt_lora.data.preview import write_preview
    from pgt_lora.data.readers.named import as_directory

    audit = None
    if model:
        from pgt_lora.evaluation.evaluate import load_encoder
        from pgt_lora.models.audit import audit_row
        from pgt_lora.models.names import resolve

        audit = partial(audit_row, load_encoder(resolve(model, to_train=False).checkpoint))
    directory = as_directory(data)
    page = out or directory.with_name(directory.name + ".html")
    write_preview(directory, page, num_images, audit)
    console.print(f"Open {page.resolve().as_uri()}", soft_wrap=True)


def gallery(
    page: Annotated[Path, typer.Argument(help="The Markdown file to write; images go into a folder beside it.")],
) -> None:
    """Draw a page of all tasks: small images with questions and answers."""
    from pgt_lora.data.gallery import write_gallery

    write_gallery(page)
