"""The commands that make and publish datasets of photographs."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from pgt_lora.errors import InputError


def parse_pairs(option: str, text: str | None, default: str | None = None) -> dict[str, str]:
    """Read `name=value,name=value`; with a `default`, a name may stand alone.

    Raises:
        InputError: a name stands twice, or alone without a default.
    """
    pairs: dict[str, str] = {}
    for part in (text or "").split(",") if text else []:
        name, equals, value = part.strip().rpartition("=")
        if not equals:
            name, value = value, default or ""
        if not name or not value or name in pairs:
            raise InputError(f"{option} {text!r}: {part.strip()!r} is no name=value, or stands twice")
        pairs[name] = value
    return pairs


def mix(
    out: Annotated[Path, typer.Option("--out", help="The directory to make.")],
    num_samples: Annotated[int, typer.Option(help="How many samples in all.")] = 5000,
    seed: Annotated[int, typer.Option(help="Which rows are drawn depends on it alone.")] = 0,
    shares: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="tallyqa=2,vsr=1,spatialladder=1; also pgt, dataset directories and Hub ids. Default: alike."
        ),
    ] = None,
    annotations: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="tallyqa=PATH,...: local files or directories, or Hub ids (owner/name@revision)."),
    ] = None,
    image_root: Annotated[Optional[Path], typer.Option(help="Local copies of the images; nothing is fetched.")] = None,  # noqa: UP045
    exclude: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(help="Leave out images of: vsr, tallyqa (their test splits), vsr=FILE, a directory, a list."),
    ] = None,
    on_missing: Annotated[str, typer.Option(help="error or redraw, where an image is missing or broken.")] = "error",
    vsr_split: Annotated[str, typer.Option(help="random or zeroshot; they are never mixed.")] = "random",
    absolute_distance: Annotated[bool, typer.Option("--absolute-distance", help="SpatialLadder: metres, too.")] = False,
    multi_view: Annotated[bool, typer.Option("--multi-view", help="SpatialLadder: several images, too.")] = False,
    vg_to_coco: Annotated[Optional[Path], typer.Option(help="Visual Genome's image_data.json.")] = None,  # noqa: UP045
    canvas: Annotated[str, typer.Option(help="Image size of pgt: a side or WIDTHxHEIGHT.")] = "448",
    cache: Annotated[Optional[Path], typer.Option(help="Where downloads are kept. Default: ~/.cache/pgt-lora")] = None,  # noqa: UP045
    mirror: Annotated[Optional[str], typer.Option(help="coco=URL,vg=URL,spatialladder=URL")] = None,  # noqa: UP045
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
) -> None:
    """Build the Specialized Mix: TallyQA, VSR and SpatialLadder, fetching only the images it needs."""
    from pgt_lora.mix import build_mix
    from pgt_lora.progress import console
    from pgt_lora.scene import Canvas
    from pgt_lora.sources.groups import read_vg_to_coco
    from pgt_lora.sources.source import Settings
    from pgt_lora.tasks.task import Settings as PgtSettings

    weights = {}
    for name, value in parse_pairs("--shares", shares, default="1").items():
        try:
            weights[name] = float(value)
        except ValueError:
            raise InputError(f"--shares {name}={value}: a share must be a positive number") from None
    mapping = read_vg_to_coco(vg_to_coco) if vg_to_coco else {}
    build_mix(
        out, num_samples=num_samples, seed=seed, shares=weights, annotations=parse_pairs("--annotations", annotations),
        image_root=image_root, exclude=exclude or (), on_missing=on_missing, cache=cache, overwrite=overwrite,
        settings=Settings(vsr_split, absolute_distance, multi_view, mapping),
        pgt_settings=PgtSettings(Canvas.parse(canvas)), mirrors=parse_pairs("--mirror", mirror),
    )  # fmt: skip
    console.print(f"{num_samples:,} samples in {out}; look at them with: pgt-lora preview {out}", soft_wrap=True)


def push_dataset(
    data: Annotated[Path, typer.Argument(help="A dataset directory.")],
    repo: Annotated[str, typer.Argument(help="The Hub id to push to: owner/name.")],
    public: Annotated[bool, typer.Option("--public", help="Make it public. Default: private.")] = False,
    annotations_only: Annotated[bool, typer.Option("--annotations-only", help="Leave the images out.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the files and print the card; push nothing.")
    ] = False,
) -> None:
    """Push a dataset directory to the Hub with a card of its sources and licences."""
    from pgt_lora.push_dataset import push

    push(data, repo, public=public, annotations_only=annotations_only, dry_run=dry_run)
