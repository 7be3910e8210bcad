"""Where images are kept that annotations name by a path."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pgt_lora.data.sources.groups import coco_id


@dataclass(frozen=True)
class Store:
    """One place of images.

    `host` is the address that they are fetched from, each by its own path. `archive` is a dataset on the Hub and the
    zip file in it that holds all of them. `layouts(path)` are other places, relative to a directory of local copies,
    that an image may have; `folder` is the one that all of them may lie in. `mean_bytes` is an image's mean size.
    """

    name: str
    host: str = ""
    archive: tuple[str, str] | None = None
    layouts: Callable[[str], Sequence[str]] = lambda path: ()
    folder: str = "images"
    mean_bytes: int | None = None


LOCAL = Store("local")  # the paths are those of files on this machine; nothing is fetched
PARQUET = Store("parquet")  # the images lie in the annotation file itself

COCO_LAYOUTS = (
    "train2014/COCO_train2014_{:012d}.jpg", "val2014/COCO_val2014_{:012d}.jpg",
    "train2017/{:012d}.jpg", "val2017/{:012d}.jpg", "trainval2017/{:012d}.jpg",
)  # fmt: skip

# Mean sizes by the published archives: 18 GB for COCO's 118,287 images, 14.7 GB for Visual Genome's 108,249.
COCO = Store(
    "coco",
    host="http://images.cocodataset.org",
    # Ids are the same in the releases of 2014 and 2017, and so are the images.
    layouts=lambda path: [layout.format(coco_id(path)) for layout in COCO_LAYOUTS],
    folder="coco",
    mean_bytes=152_000,
)
VISUAL_GENOME = Store(
    "vg",
    host="https://cs.stanford.edu/people/rak248",
    layouts=lambda path: [f"{release}/{path.split('/')[-1]}" for release in ("VG_100K", "VG_100K_2")],
    folder="vg",
    mean_bytes=136_000,
)
